export default {
  reporter: "line",
  workers: 1,
  use: { baseURL: process.env.SITE, launchOptions: { executablePath: process.env.CHROMIUM } },
};
