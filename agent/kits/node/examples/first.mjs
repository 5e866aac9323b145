import { readFileSync } from "node:fs";
import { loadAuthority, loadList, verifyLogin } from "ankong-verify";

const file = (name) => readFileSync(`${process.argv[2]}/${name}`);
const { origins, challenge } = JSON.parse(file("manifest.json"));
const [root, ca] = [loadAuthority(file("root.cer")), loadAuthority(file("ca.cer"))];
const lists = [loadList(file("root.crl"), root), loadList(file("ca.crl"), ca)];
console.log(verifyLogin(file("valid.der"), { roots: [root], cas: [ca], lists, origins, challenge }));
