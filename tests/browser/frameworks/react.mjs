// The example for React, with an agent of make-believe.

import { createElement } from "react";
import { createRoot } from "react-dom/client";

import { Login } from "examples/react.tsx";
import { FakeAnkong } from "ankong/fake";

window.fake = new FakeAnkong({ state: "not_running", reason: "not_installed" });
createRoot(document.querySelector("#app")).render(createElement(Login, { agent: window.fake }));
