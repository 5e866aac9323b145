import { expect, test } from "ankong/playwright";

test("a citizen logs in, and mistypes once", async ({ ankong, trustedContext }) => {
  await ankong.insert({ scenario: "gen2" });
  await ankong.answer("enter_pin", { pin: "000000" }, { times: 1 });
  await ankong.answer("enter_pin", { pin: "card" });
  const page = await trustedContext.newPage();
  await page.goto("/");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByText("Welcome, somebody")).toBeVisible();
  expect((await ankong.card()).wrong_pins).toBe(1);
  expect((await ankong.requests()).map(({ method }) => method)).toContain("authenticate");
});
