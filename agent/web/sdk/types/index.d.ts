/**
 * What the npm package gives by its name; copied files are imported one by one.
 *
 * @module index
 */
export * from "./ankong.js";
export { explain } from "./explain.js";
