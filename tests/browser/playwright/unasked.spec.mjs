import { expect, test } from "ankong/playwright";

test("a window that no rule answers", async ({ ankong, trustedContext }) => {
  await ankong.insert({ scenario: "gen2" });
  const page = await trustedContext.newPage();
  await page.goto("/");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.locator("ankong-button .failed")).toBeVisible();
});
