// What the server says of whoever is logged in; nothing here comes from the card by another way.
async function show(name) {
  const response = await fetch("/account");
  if (!response.ok) return;
  const { account } = await response.json();
  document.querySelector("#name").textContent = name;
  document.querySelector("#account").textContent = account;
  document.querySelector("#verified > div").hidden = false;
}

document.addEventListener("ankong-done", (event) => show(event.detail.name));
