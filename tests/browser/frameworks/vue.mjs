// The example for Vue, with an agent of make-believe.

import { createApp } from "vue";

import Login from "examples/vue.vue";
import { FakeAnkong } from "ankong/fake";

window.fake = new FakeAnkong({ state: "not_running", reason: "not_installed" });
createApp(Login, { agent: window.fake }).mount("#app");
