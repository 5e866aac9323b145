// The agent serves the SDK's box for a PIN to its own pages too (see agent/web/panel/files.py).
export { PinBox } from "../../../sdk/pinbox.js";
