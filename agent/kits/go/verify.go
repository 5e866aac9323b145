// Package ankongverify verifies logins that the Ankong agent made: one file, standard library only.
//
// Load authorities, lists and origins once with NewVerifier, when the server starts: what is wrong
// with them is an error there. Then call Verify with each token, after the session's challenge was
// used up. Nothing is ever accepted because something was missing.
package ankongverify

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // registers SHA-256
	_ "crypto/sha512" // registers SHA-384 and SHA-512
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// VerificationError refuses a token: tell the page the code, and your log the detail.
type VerificationError struct{ Code, Detail string }

func (e *VerificationError) Error() string { return e.Code + ": " + e.Detail }

// Login is a login that holds; Time is by the citizen's clock: for the log alone.
type Login struct {
	Holder                Holder
	Origin, Purpose, Time string
}

// Holder is whose card it is; a name is nobody's identity: see AccountKey. Name and IDLast4 may be empty.
type Holder struct{ Name, IDLast4, SubjectSerial, Issuer string }

// AccountKey is what to store instead of the serial number, to know the holder again.
// The secret is your own, 32 octets or more, for ever; a shorter one is an error.
func (h Holder) AccountKey(secret []byte) ([]byte, error) {
	if len(secret) < 32 {
		return nil, errors.New("the secret needs 32 octets")
	}
	mac := hmac.New(crypto.SHA256.New, secret)
	mac.Write([]byte(h.Issuer + "\x00" + h.SubjectSerial))
	return mac.Sum(nil), nil
}

const maxToken = 64 * 1024 // octets

var (
	login              = []byte("\x06\x13\x69\xc7\xe9\x88\x8f\xdf\xab\xaa\x87\x89\x9c\xc0\xa8\xe7\xe8\xe8\xb9\xd1\x36") // no ObjectIdentifier of Go holds it
	signedData         = oid(1, 2, 840, 113549, 1, 7, 2)
	contentType        = string(oid(1, 2, 840, 113549, 1, 9, 3))
	messageDigest      = string(oid(1, 2, 840, 113549, 1, 9, 4))
	signingCertificate = string(oid(1, 2, 840, 113549, 1, 9, 16, 2, 47))
	idLast4            = oid(2, 16, 886, 1, 100, 2, 51)
	directory          = asn1.ObjectIdentifier{2, 5, 29, 9}
	hashes             = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}
	names              = map[string]string{"2.5.4.6": "C", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.3": "CN", "2.5.4.5": "serialNumber"}
	statement          = regexp.MustCompile(`^\{"type":"ankong\.authenticate\.v1","purpose":"(login|identify)","origin":"([a-z0-9:/.\[\]_-]{8,255})","challenge":"([A-Za-z0-9_-]{43,86})","time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"\}$`)
	origin             = regexp.MustCompile(`^(?:https://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])|http://(?:(?:[a-z0-9_-]+\.)*localhost|127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?$`)
	base64url          = regexp.MustCompile(`^[A-Za-z0-9_-]{43,86}$`)
	citizenSerial      = regexp.MustCompile(`^[0-9]{16}$`)
	fourCharacters     = regexp.MustCompile(`^[A-Za-z0-9]{4}$`)
)

func oid(arcs ...int) []byte {
	octets, _ := asn1.Marshal(asn1.ObjectIdentifier(arcs))
	return octets
}

// element is one element of DER: raw is all of it, parts what it is made of.
type element struct {
	tag       byte
	raw, body []byte
	parts     []*element
}

// refusal is what need and refuse panic with; Verify gives it back as an error.
type refusal struct{ error *VerificationError }

func refuse(code, detail string) { panic(refusal{&VerificationError{code, detail}}) }

func need(condition bool, detail string) {
	if !condition {
		refuse("signature_invalid", detail)
	}
}

// read reads elements of strict DER, to the bottom.
func read(octets []byte, depth int) (found []*element) {
	need(depth <= 32, "nested too deep")
	for len(octets) > 0 {
		need(len(octets) >= 2, "cut short")
		tag, length, start := octets[0], int(octets[1]), 2
		if length >= 0x80 {
			count := length & 0x7f
			need(count >= 1 && count <= 3 && len(octets) >= 2+count, "a length that is no DER")
			length, start = 0, 2+count
			for _, octet := range octets[2:start] {
				length = length<<8 | int(octet)
			}
			need(length >= 0x80 && length >= 1<<(8*(count-1)), "a length that is not the shortest")
		}
		need(start+length <= len(octets), "cut short")
		body := octets[start : start+length]
		need(tag&0x1f != 0x1f && tag != 0, "a tag that has no place here")
		need(tag >= 0x40 || (tag == 0x30 || tag == 0x31) == (tag > 0x1f), "a string in pieces")
		need(tag != 1 || (len(body) == 1 && (body[0] == 0 || body[0] == 0xff)), "a boolean that is no DER")
		need(tag != 2 || len(body) == 1 || (len(body) > 1 && !(body[0] == 0 && body[1] < 0x80) && !(body[0] == 0xff && body[1] >= 0x80)), "an integer that is no DER")
		need(tag != 5 || len(body) == 0, "a NULL that is none")
		one := &element{tag: tag, raw: octets[:start+length], body: body}
		if tag&0x20 != 0 {
			one.parts = read(body, depth+1)
		}
		found, octets = append(found, one), octets[start+length:]
	}
	return found
}

// take takes an element apart that has exactly these parts.
func (e *element) take(tags ...byte) []*element {
	need(len(e.parts) == len(tags), "not of the form expected")
	for index, part := range e.parts {
		need(part.tag == tags[index], "not of the form expected")
	}
	return e.parts
}

// digestOf returns the hash that a digest's AlgorithmIdentifier names, with NULL or without; else 0.
func digestOf(identifier []byte) crypto.Hash {
	for index, hash := range hashes {
		if isAlgorithm(identifier, oid(2, 16, 840, 1, 101, 3, 4, 2, index+1)) {
			return hash
		}
	}
	return 0
}

func isAlgorithm(identifier, oid []byte) bool {
	short := append([]byte{0x30, byte(len(oid))}, oid...)
	long := append(append([]byte{0x30, byte(len(oid) + 2)}, oid...), 5, 0)
	return bytes.Equal(identifier, short) || bytes.Equal(identifier, long)
}

func octetString(hash crypto.Hash, octets []byte) []byte {
	digest := hash.New()
	digest.Write(octets)
	return digest.Sum([]byte{4, byte(hash.Size())})
}

// openMessage does checks 2, 3 and 4: the message and its signature.
func openMessage(token []byte) (*x509.Certificate, []byte) {
	need(len(token) > 0 && len(token) <= maxToken, "empty or too large")
	found := read(token, 0)
	need(len(found) == 1 && found[0].tag == 0x30, "not a message, or something follows")
	outer := found[0].take(0x06, 0xa0)
	signed := outer[1].take(0x30)[0].take(0x02, 0x31, 0x30, 0xa0, 0x31)
	signer := signed[4].take(0x30)[0].take(0x02, 0x30, 0x30, 0xa0, 0x30, 0x04)
	number, sid, digest, attributes, algorithm, signature := signer[0], signer[1], signer[2], signer[3], signer[4], signer[5]
	encapsulated := signed[2].take(0x06, 0xa0)
	content := encapsulated[1].take(0x04)[0].body
	hash := digestOf(digest.raw)
	need(bytes.Equal(outer[0].raw, signedData) && bytes.Equal(number.raw, []byte{2, 1, 1}) && hash != 0, "not SHA-2, or not a SignedData")
	need(bytes.Equal(signed[1].take(0x30)[0].raw, digest.raw), "another digest algorithm is declared")
	withRSA := map[crypto.Hash]int{crypto.SHA256: 11, crypto.SHA384: 12, crypto.SHA512: 13}[hash]
	need(isAlgorithm(algorithm.raw, oid(1, 2, 840, 113549, 1, 1, 1)) || isAlgorithm(algorithm.raw, oid(1, 2, 840, 113549, 1, 1, withRSA)), "not PKCS #1 v1.5 with that hash")
	stated := readAttributes(attributes)
	if !bytes.Equal(encapsulated[0].raw, login) || !bytes.Equal(stated[contentType], login) {
		refuse("wrong_content_type", fmt.Sprintf("%x", encapsulated[0].raw))
	}
	need(bytes.Equal(signed[0].raw, []byte{2, 1, 3}), "a version that does not go with the content type")
	certificate := findSigner(signed[3].parts, sid.body)
	need(bytes.Equal(stated[messageDigest], octetString(hash, content)), "the content is not what was signed")
	key, isRSA := certificate.PublicKey.(*rsa.PublicKey)
	need(isRSA && isStrong(key), "not an RSA key of 2048 bits or more")
	set := append([]byte{0x31}, attributes.raw[1:]...)                            // RFC 5652 §5.4
	need(new(big.Int).SetBytes(signature.body).Cmp(key.N) < 0, "not a signature") // Go before 1.20 does not look
	need(rsa.VerifyPKCS1v15(key, hash, octetString(hash, set)[2:], signature.body) == nil, "the signature does not fit")
	if bound, ok := stated[signingCertificate]; ok {
		need(isBound(bound, certificate.Raw), "another certificate was signed")
	}
	return certificate, content
}

// isStrong tells a key of 2048 bits or more, and not one by which anybody signs.
func isStrong(key *rsa.PublicKey) bool {
	return key.N.BitLen() >= 2048 && key.N.Bit(0) == 1 && key.E >= 3 && key.E%2 == 1
}

// findSigner returns the one certificate that has this issuer and serial number.
func findSigner(bag []*element, named []byte) (found *x509.Certificate) {
	for _, each := range bag {
		need(len(each.parts) == 3 && len(each.parts[0].parts) > 3, "not a certificate")
		fields := each.parts[0].parts
		if bytes.Equal(append(append([]byte{}, fields[3].raw...), fields[1].raw...), named) {
			need(found == nil, "the signer's certificate is there twice")
			certificate, err := x509.ParseCertificate(each.raw)
			need(err == nil, "a certificate that cannot be read")
			found = certificate
		}
	}
	need(found != nil, "the signer's certificate is not there")
	return found
}

// readAttributes maps each attribute to its one value.
func readAttributes(attributes *element) map[string][]byte {
	found := map[string][]byte{}
	need(len(attributes.parts) > 0, "no signed attributes")
	for index, each := range attributes.parts {
		need(index == 0 || bytes.Compare(attributes.parts[index-1].raw, each.raw) < 0, "attributes that are not in the order of DER")
		pair := each.take(0x06, 0x31)
		_, twice := found[string(pair[0].raw)]
		need(len(pair[1].parts) == 1 && !twice, "an attribute without its one value")
		found[string(pair[0].raw)] = pair[1].parts[0].raw
	}
	return found
}

// isBound checks signing-certificate-v2 (RFC 5035 §4).
func isBound(value, certificate []byte) bool {
	at := read(value, 0)[0]
	for depth := 0; depth < 2; depth++ {
		if len(at.parts) == 0 {
			return false
		}
		at = at.parts[0]
	}
	hash, parts := crypto.SHA256, at.parts
	if len(parts) > 0 && parts[0].tag == 0x30 {
		hash, parts = digestOf(parts[0].raw), parts[1:]
	}
	return hash != 0 && len(parts) > 0 && bytes.Equal(parts[0].raw, octetString(hash, certificate))
}

// RevocationList is a complete list of one authority.
type RevocationList struct {
	issuer     *x509.Certificate
	begin, end time.Time
	serials    map[string]struct{}
}

// LoadAuthority loads the DER certificate of an authority.
func LoadAuthority(der []byte) (*x509.Certificate, error) {
	found, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, notDER(der, err)
	}
	key, isRSA := found.PublicKey.(*rsa.PublicKey)
	if !isRSA || !isStrong(key) || !found.IsCA || !found.BasicConstraintsValid || found.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, errors.New("not an authority with an RSA key of 2048 bits or more")
	}
	return found, nil
}

// LoadList loads a complete DER list, of any length, and checks that this authority signed it.
func LoadList(der []byte, issuer *x509.Certificate) (*RevocationList, error) {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, notDER(der, err)
	}
	if !bytes.Equal(list.RawIssuer, issuer.RawSubject) || issuer.KeyUsage&x509.KeyUsageCRLSign == 0 || list.NextUpdate.IsZero() || !isPKCS1(list.SignatureAlgorithm) {
		return nil, errors.New("not a list of this issuer, or one without the date of the next")
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return nil, err
	}
	for _, each := range list.Extensions { // delta lists, and lists of a part
		if each.Critical || each.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 27}) || each.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 28}) {
			return nil, fmt.Errorf("a list that is not complete: extension %v", each.Id)
		}
	}
	serials := make(map[string]struct{}, len(list.RevokedCertificates))
	for _, each := range list.RevokedCertificates {
		serials[each.SerialNumber.String()] = struct{}{}
	}
	return &RevocationList{issuer, list.ThisUpdate, list.NextUpdate, serials}, nil
}

func notDER(der []byte, err error) error {
	if bytes.HasPrefix(der, []byte("-----BEGIN ")) {
		return errors.New("PEM, where DER is wanted: openssl x509 (or crl) -outform der")
	}
	return err
}

func isPKCS1(algorithm x509.SignatureAlgorithm) bool {
	return algorithm == x509.SHA256WithRSA || algorithm == x509.SHA384WithRSA || algorithm == x509.SHA512WithRSA
}

// CheckOrigins checks your origins: as browsers write them, no path, no default port.
func CheckOrigins(origins []string) error {
	if len(origins) == 0 {
		return errors.New("no origin is configured")
	}
	for _, each := range origins {
		found := origin.FindStringSubmatch(each)
		isDefault := strings.HasPrefix(each, "https:") && strings.HasSuffix(each, ":443") || strings.HasPrefix(each, "http:") && strings.HasSuffix(each, ":80")
		if found == nil || len(each) > 255 || isDefault {
			return fmt.Errorf("not an origin as browsers write it: %q", each)
		}
		if port, err := strconv.Atoi(found[1]); found[1] != "" && (err != nil || port > 65535) {
			return fmt.Errorf("not a port: %q", each)
		}
	}
	return nil
}

// Options are what is loaded once, and what belongs to one login.
type Options struct {
	Roots, CAs []*x509.Certificate // whom you trust; whose certificates stand between
	Lists      []*RevocationList   // one of each of them
	Origins    []string            // what browsers call your site
	Challenge  string              // the base64url text that was redeemed
	Purpose    string              // "login" or "identify"
	Now        time.Time           // zero for the clock's
}

func (o *Options) check() error {
	if len(o.Roots) == 0 || len(o.Lists) == 0 {
		return errors.New("no roots, or no lists")
	}
	for _, each := range append(append([]*x509.Certificate{}, o.Roots...), o.CAs...) {
		if each == nil {
			return errors.New("not what LoadAuthority returned")
		}
	}
	for _, each := range o.Lists {
		if each == nil || each.issuer == nil {
			return errors.New("not what LoadList returned")
		}
	}
	if !base64url.MatchString(o.Challenge) {
		return errors.New("a challenge is base64url of 32 to 64 octets")
	}
	if o.Purpose != "login" && o.Purpose != "identify" {
		return errors.New("no such purpose")
	}
	return CheckOrigins(o.Origins)
}

// faultOf does check 6: a path, the dates, and the revocation of all below the root.
func (o *Options) faultOf(certificate *x509.Certificate, now time.Time) string {
	roots, cas := x509.NewCertPool(), x509.NewCertPool()
	for _, each := range o.Roots {
		roots.AddCert(each)
	}
	for _, each := range o.CAs {
		cas.AddCert(each)
	}
	at, dated := now, "" // who is out of date is judged at a time when they were not
	if now.After(certificate.NotAfter) {
		at, dated = certificate.NotAfter, "certificate_expired"
	} else if now.Before(certificate.NotBefore) {
		at, dated = certificate.NotBefore, "certificate_not_yet_valid"
	}
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	chains, err := certificate.Verify(x509.VerifyOptions{Roots: roots, Intermediates: cas, CurrentTime: at, KeyUsages: usages})
	if err != nil {
		return "certificate_untrusted"
	}
	if dated != "" {
		return dated
	}
	fault := "certificate_untrusted"
	for _, chain := range chains {
		if fault = o.revoked(chain, now); fault == "" {
			break
		}
	}
	return fault
}

func (o *Options) revoked(chain []*x509.Certificate, now time.Time) string {
	if len(chain) < 2 {
		return "certificate_untrusted"
	}
	for index, each := range chain[:len(chain)-1] {
		issuer := chain[index+1]
		if !isPKCS1(each.SignatureAlgorithm) {
			return "certificate_untrusted"
		}
		var newest []*RevocationList // one name has many keys, and each its own list
		for _, list := range o.Lists {
			isOwn := bytes.Equal(list.issuer.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo) && bytes.Equal(list.issuer.RawSubject, issuer.RawSubject)
			isFresh := !now.Before(list.begin) && !now.After(list.end)
			if isOwn && isFresh && (newest == nil || list.begin.After(newest[0].begin)) {
				newest = []*RevocationList{list}
			} else if isOwn && isFresh && list.begin.Equal(newest[0].begin) {
				newest = append(newest, list) // of one moment each can revoke
			}
		}
		if newest == nil {
			return "revocation_unknown"
		}
		for _, list := range newest {
			if _, found := list.serials[each.SerialNumber.String()]; found {
				return "certificate_revoked"
			}
		}
	}
	return ""
}

// readHolder checks the profile of citizens' certificates.
func readHolder(certificate *x509.Certificate) Holder {
	var holder Holder
	serials := 0
	for _, each := range certificate.Subject.Names {
		text, isText := each.Value.(string)
		if isText && each.Type.String() == "2.5.4.5" {
			serials++
			holder.SubjectSerial = text
		}
		if isText && each.Type.String() == "2.5.4.3" && holder.Name == "" {
			holder.Name = text
		}
	}
	if serials != 1 || certificate.IsCA || !citizenSerial.MatchString(holder.SubjectSerial) {
		refuse("profile_mismatch", "not the certificate of a citizen")
	}
	var sequence pkix.RDNSequence
	_, err := asn1.Unmarshal(certificate.RawIssuer, &sequence)
	need(err == nil, "an issuer without a name")
	var parts []string
	for _, relative := range sequence {
		var pairs []string
		for _, pair := range relative {
			name, known := names[pair.Type.String()]
			if !known {
				name = pair.Type.String()
			}
			pairs = append(pairs, fmt.Sprintf("%s=%v", name, pair.Value))
		}
		parts = append(parts, strings.Join(pairs, "+"))
	}
	holder.Issuer = strings.Join(parts, ",")
	holder.IDLast4 = statedLast4(certificate)
	return holder
}

// statedLast4 returns the last four characters of the ID number, or nothing where they are not stated once.
func statedLast4(certificate *x509.Certificate) string {
	var values []*element
	for _, extension := range certificate.Extensions {
		if !extension.Id.Equal(directory) {
			continue
		}
		for _, list := range read(extension.Value, 0) {
			for _, each := range list.parts {
				if len(each.parts) == 2 && bytes.Equal(each.parts[0].raw, idLast4) {
					values = append(values, each.parts[1].parts...)
				}
			}
		}
	}
	if len(values) != 1 || (values[0].tag != 0x0c && values[0].tag != 0x13) || !fourCharacters.Match(values[0].body) {
		return ""
	}
	return string(values[0].body)
}

// VerifyLogin verifies a token, DER: decode the page's base64 first.
// A *VerificationError refuses it (HTTP 400); any other error is about the options, and your own.
func VerifyLogin(token []byte, options Options) (found *Login, err error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	defer func() {
		if raised := recover(); raised != nil {
			refused, ok := raised.(refusal)
			if !ok { // what no reader of ours thought of
				refused.error = &VerificationError{"signature_invalid", fmt.Sprint(raised)}
			}
			found, err = nil, refused.error
		}
	}()
	now := options.Now
	if now.IsZero() {
		now = time.Now()
	}
	certificate, content := openMessage(token)
	if certificate.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		refuse("wrong_key_usage", "not a certificate for signatures")
	}
	if fault := options.faultOf(certificate, now); fault != "" {
		refuse(fault, "the path")
	}
	stated := statement.FindSubmatch(content)
	if stated == nil {
		refuse("malformed", "not the statement of a login")
	}
	purpose, site, answered, moment := string(stated[1]), string(stated[2]), stated[3], string(stated[4])
	isOurs := false
	for _, each := range options.Origins {
		isOurs = isOurs || each == site
	}
	if !isOurs {
		refuse("origin_mismatch", "made for "+site)
	}
	if subtle.ConstantTimeCompare(answered, []byte(options.Challenge)) != 1 {
		refuse("challenge_mismatch", "made for another challenge")
	}
	if purpose != options.Purpose {
		refuse("purpose_mismatch", "made to "+purpose)
	}
	return &Login{readHolder(certificate), site, purpose, moment}, nil
}
