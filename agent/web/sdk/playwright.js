// @ts-nocheck  @playwright/test is an optional peer of the page kit, and no part of its checks.
/** Fixtures for `@playwright/test`: an agent with a virtual reader, and a browser context that trusts exactly it. */

import { test as base } from "@playwright/test";
import { startAnkong } from "./testing.js";

export const test = base.extend({
  /** One agent for each worker. */
  ankongProcess: [
    async ({}, use) => {
      const { agent, stop } = await startAnkong();
      await use(agent);
      await stop();
    },
    { scope: "worker" },
  ],

  /** The agent as it was when it started; a window that no rule answers fails the test. */
  ankong: async ({ ankongProcess }, use) => {
    await ankongProcess.reset();
    await use(ankongProcess);
    const open = (await ankongProcess.unanswered()).map(({ kind, site }) => `${kind} of ${site}`);
    if (open.length > 0) throw new Error(`the agent asked what no rule answers: ${open.join("; ")}`);
  },

  /** A browser of its own: only Chromium's command line can trust one key. */
  trustedContext: async ({ ankong, playwright, browserName, launchOptions }, use) => {
    const isChromium = browserName === "chromium";
    const args = [...(launchOptions.args ?? []), ...(isChromium ? [`--ignore-certificate-errors-spki-list=${ankong.spki}`] : [])];
    const browser = await playwright[browserName].launch({ args });
    const context = await browser.newContext({ ignoreHTTPSErrors: !isChromium });
    if (isChromium) await context.grantPermissions(["local-network-access"]);
    await context.addInitScript((ports) => {
      globalThis.ANKONG_PORTS = ports;
    }, ankong.ports);
    await use(context);
    await browser.close();
  },
});

export { expect } from "@playwright/test";
