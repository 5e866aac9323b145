// A page's client in the style of the newer kit: one WebSocket for each call, and no time limit.
// Its defects are those of the kit, on purpose: it looks into objects without asking whether they
// are there, never calls its page when the connection ends, and puts texts into HTML as they are.

function NewerClient(address, bar) {
  this.address = address;
  this.bar = bar;
  this.rv = -1;
  this.method = "";
  this.errorMsg = "";
  this.signature = "";
  this.signerCert = "";
  this.certificate = {};
}

NewerClient.CERTIFICATE_FIELDS = [
  "CertVersion", "CertNotBefore_display", "CertNotBefore_timet", "CertNotAfter_display",
  "CertNotAfter_timet", "CertSerial", "CertSubject", "CertIssuer", "CertSubjectAlternativeName",
  "CertIdentityNoL4", "CertKeyUsage", "CertUniqueId", "CertUniformOID", "CertCardHolderRank",
];
NewerClient.ABOUT_THE_TOOL = ["IPVerification", "CheckExpirationDate", "CheckLicenseFile"];

NewerClient.prototype.ask = function (method, block, fields, callback) {
  const request = { MethodSelect: method };
  if (block) request[block] = fields;
  request.DialogTheme = "green";
  request.Authenticode = "00000000-0000-4000-8000-000000000000";
  request.LicenseXml = "";
  const socket = new WebSocket(this.address);
  socket.onopen = () => socket.send(JSON.stringify(request));
  socket.onerror = () => this.say("not connected");
  socket.onmessage = (event) => {
    socket.close();
    this.hear(JSON.parse(event.data), method, callback);
  };
};

NewerClient.prototype.hear = function (answer, asked, callback) {
  this.rv = answer.RV;
  this.method = answer.MethodSelect;
  if (answer.IsError) this.errorMsg = answer.Message;
  if (NewerClient.ABOUT_THE_TOOL.includes(answer.MethodSelect)) {
    this.say(answer.Message);
    return;
  }
  if (answer.MethodSelect !== asked) return; // nobody's answer
  if (answer.Signature.length) this.signature = answer.Signature;
  if (answer.SignerCert.length) this.signerCert = answer.SignerCert;
  if (asked === "DecodeCertificate") {
    for (const name of NewerClient.CERTIFICATE_FIELDS) {
      this.certificate[name] = answer.ComCertificatePara[name].toString();
    }
  }
  callback(answer.Message);
};

NewerClient.prototype.say = function (text) {
  this.bar.innerHTML = text;
};
