def test_one_wrong_pin_costs_one_try(site, ankong_agent, ankong_reader, ankong_context):
    ankong_agent.answer("enter_pin", {"pin": "000000"}, times=1)
    ankong_agent.answer("enter_pin", {"pin": "card"})
    page = ankong_context.new_page()
    page.goto(site)
    page.click("#sign")
    page.wait_for_function("document.querySelector('#told').textContent")
    assert page.text_content("#told") == "signed"
    assert ankong_reader.card.wrong_pins == 1
    assert ankong_reader.card.signatures == 1
