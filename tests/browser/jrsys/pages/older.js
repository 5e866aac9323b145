// A page's client in the style of the older kit: one WebSocket for everything, which is opened when
// it is not open, and closed at the first message. Who hears an answer is whoever had it opened.
// A timer waits for it to be open, for ever if it never is. At page load it asks for the version,
// and nobody is to hear that.

function OlderClient(address) {
  this.address = address;
  this.socket = null;
  this.version = "";
  this.rv = -1;
  this.errorMsg = "";
  this.pro = {};
  this.alerts = [];
  this.offered = 0; // how often the installer was
}

OlderClient.prototype.start = function () {
  this.ask({ MethodSelect: "isComRegister" });
};

OlderClient.prototype.open = function (callback) {
  const socket = new WebSocket(this.address);
  socket.onmessage = (event) => {
    socket.close();
    this.hear(JSON.parse(event.data), callback);
  };
  socket.onerror = () => {
    this.offered += 1;
  };
  return socket;
};

OlderClient.prototype.ask = function (request, callback) {
  if (this.socket === null || this.socket.readyState > WebSocket.OPEN) {
    this.socket = this.open(callback);
  }
  const socket = this.socket;
  const waiting = setInterval(() => {
    if (socket.readyState === WebSocket.OPEN) {
      clearInterval(waiting);
      socket.send(JSON.stringify(request));
    }
  }, 5);
};

OlderClient.prototype.hear = function (answer, callback) {
  if (answer.isError) {
    this.rv = answer.Pro.rv;
    this.errorMsg = answer.ErrorMessage;
  } else {
    this.rv = 0;
    this.errorMsg = "";
  }
  switch (answer.MethodSelect) {
    case "isComRegister":
      if (answer.isError) this.alerts.push(answer.Message);
      else this.version = answer.Message;
      break;
    case "IPVerification":
      this.alerts.push(answer.ErrorMessage);
      break;
    case "SignP11":
    case "SignUseCn":
    case "SignUseSn":
    case "SignUseCnOu":
    case "SignedData":
    case "SignedDataWithContentDigest":
    case "RSAP7SignExByCNHex":
      this.pro.signature = answer.Pro.signature.toString();
      this.pro.signerCert = answer.Pro.signerCert.toString();
      callback(answer.Message);
      break;
    case "decodeCertificate":
      for (const name of [
        "certVersion", "certNotBefore_display", "certNotBefore_timet", "certNotAfter_display",
        "certNotAfter_timet", "certSerial", "certSubject", "certIssuer",
        "certSubjectAlternativeName", "certIdentityNoL4", "certKeyUsage",
        "certUnifromOrganizationIDString", "certCardHolderRankString",
      ]) {
        this.pro[name] = answer.Pro[name].toString();
      }
      callback("decoded");
      break;
    case "Version":
    case "SetLicense":
    case "isGCACardPresent":
    case "exportCertToHexP11":
    case "exportCertToHex":
    case "hexToB64":
    case "b64ToHex":
    case "UnicodeToHexString":
    case "digestData":
    case "DecryptP11":
    case "Decrypt":
    case "EncryptP11":
    case "Encrypt":
      callback(answer.Message);
      break;
    // Any other name, in any other case of letters: the page is never called.
  }
};
