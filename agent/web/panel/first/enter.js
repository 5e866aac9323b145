"use strict";
// Opens nothing that is open already: who comes without a key is told so, and not shown the panel.
const brought = new URLSearchParams(location.hash.slice(1));
if (!brought.has("token")) brought.set("token", "none");
location.replace(`./#${brought}`);
