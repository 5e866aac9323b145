// What the site does once somebody is logged in; what went wrong, the button says itself.
document.addEventListener("ankong-done", (event) => {
  document.querySelector("#welcome").textContent = `Welcome, ${event.detail.name}`;
});
