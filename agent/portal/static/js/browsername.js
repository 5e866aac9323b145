/** What the person before this page calls their browser. */

const BRANDS = ["Microsoft Edge", "Google Chrome", "Brave", "Opera", "Vivaldi"];
const MARKS = [["Edg/", "Microsoft Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chromium"], ["Safari/", "Safari"]];

/** The name, as far as the browser tells it; empty where it does not. @param {Navigator & {userAgentData?: {brands: {brand: string}[]}}} [told] */
export function browserName(told = navigator) {
  const brand = told.userAgentData?.brands.find((each) => BRANDS.includes(each.brand));
  return brand?.brand ?? MARKS.find(([mark = ""]) => told.userAgent.includes(mark))?.[1] ?? "";
}
