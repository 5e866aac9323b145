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
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
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
	directoryKind      = oid(2, 5, 29, 9)
	hashes             = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}
	names              = map[string]string{"2.5.4.6": "C", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.3": "CN", "2.5.4.5": "serialNumber"}
	statement          = regexp.MustCompile(`^\{"type":"ankong\.authenticate\.v1","purpose":"(login|identify)","origin":"([a-z0-9:/.\[\]_-]{8,255})","challenge":"([A-Za-z0-9_-]{43,86})","time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"\}$`)
	origin             = regexp.MustCompile(`^(?:https://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])|http://(?:(?:[a-z0-9_-]+\.)*localhost|127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?$`)
	base64url          = regexp.MustCompile(`^[A-Za-z0-9_-]{43,86}$`)
	universal          = []byte("\x01\x02\x03\x04\x05\x06\x0a\x0c\x12\x13\x14\x16\x17\x18\x1a\x1e\x30\x31")
	printable          = regexp.MustCompile(`^[A-Za-z0-9 '()+,./:=?-]*$`)
	keyUsage           = oid(2, 5, 29, 15)
	constraints        = oid(2, 5, 29, 19)
	authorityKey       = oid(2, 5, 29, 35)
	subjectKey         = oid(2, 5, 29, 14)
	limiting           = [][]byte{oid(2, 5, 29, 30), oid(2, 5, 29, 36), oid(2, 5, 29, 27), oid(2, 5, 29, 28)} // constraints on names, on policies; delta lists and parts of lists
	listFields         = regexp.MustCompile(`^023030(17|18){2}(30)?(a0)?$`)
	purposes           = oid(2, 5, 29, 37)
	otherNames         = oid(2, 5, 29, 17)
	understood         = [][]byte{keyUsage, constraints, oid(2, 5, 29, 32), oid(2, 5, 29, 17)} // policies and other names, too
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
func read(octets []byte, depth int) []*element {
	need(depth <= 32, "nested too deep")
	found := split(octets)
	for _, one := range found {
		tag := one.tag
		need(tag&0x1f != 0x1f && (tag >= 0x40 || bytes.IndexByte(universal, tag) >= 0), "a tag that has no place here")
		need(isStrict(tag, one.body), "contents that are no DER")
		if tag&0x20 != 0 {
			one.parts = read(one.body, depth+1)
		}
		for index := 1; tag == 0x31 && index < len(one.parts); index++ {
			need(bytes.Compare(one.parts[index-1].raw, one.parts[index].raw) <= 0, "a set in another order")
		}
	}
	return found
}

// split reads elements, and not what they are made of.
func split(octets []byte) (found []*element) {
	for len(octets) > 0 {
		need(len(octets) >= 2, "cut short")
		length, start := int(octets[1]), 2
		if length >= 0x80 {
			count := length & 0x7f
			need(count >= 1 && count <= 4 && len(octets) >= 2+count, "a length that is no DER")
			length, start = 0, 2+count
			for _, octet := range octets[2:start] {
				length = length<<8 | int(octet)
			}
			need(length >= 0x80 && length >= 1<<(8*(count-1)), "a length that is not the shortest")
		}
		need(length <= len(octets)-start, "cut short")
		found = append(found, &element{tag: octets[0], raw: octets[:start+length], body: octets[start : start+length]})
		octets = octets[start+length:]
	}
	return found
}

// isStrict tells whether contents are as DER and their type want them.
func isStrict(tag byte, body []byte) bool {
	size := len(body)
	switch tag {
	case 0x01:
		return size == 1 && (body[0] == 0 || body[0] == 0xff)
	case 0x02, 0x0a:
		return size == 1 || (size > 1 && !(body[0] == 0 && body[1] < 0x80) && !(body[0] == 0xff && body[1] >= 0x80))
	case 0x03:
		return (size == 1 && body[0] == 0) || (size > 1 && body[0] <= 7 && body[size-1]&(1<<body[0]-1) == 0)
	case 0x05:
		return size == 0
	case 0x06:
		for index, octet := range body {
			if octet == 0x80 && (index == 0 || body[index-1] < 0x80) {
				return false
			}
		}
		return size > 0 && body[size-1] < 0x80
	case 0x0c:
		return utf8.Valid(body)
	case 0x13:
		return printable.Match(body)
	case 0x14, 0x16, 0x1a:
		return bytes.IndexFunc(body, func(each rune) bool { return each >= 0x80 }) < 0
	case 0x1e:
		for index := 0; index < size; index += 2 {
			if body[index] >= 0xd8 && body[index] <= 0xdf {
				return false
			}
		}
		return size%2 == 0
	}
	return true
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
func openMessage(token []byte) (*x509.Certificate, string, []byte) {
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
	certificate, fault := findSigner(signed[3].take(0x30)[0], sid.body) // nobody else's
	need(bytes.Equal(stated[messageDigest], octetString(hash, content)), "the content is not what was signed")
	key, isRSA := certificate.PublicKey.(*rsa.PublicKey)
	need(isRSA && isStrong(key), "not an RSA key of 2048 bits or more")
	for kind := range stated {
		need(kind == contentType || kind == messageDigest || kind == signingCertificate, "an attribute that no login has")
	}
	set := append([]byte{0x31}, attributes.raw[1:]...)                            // RFC 5652 §5.4
	need(new(big.Int).SetBytes(signature.body).Cmp(key.N) < 0, "not a signature") // Go before 1.20 does not look
	need(rsa.VerifyPKCS1v15(key, hash, octetString(hash, set)[2:], signature.body) == nil, "the signature does not fit")
	if bound, ok := stated[signingCertificate]; ok { // RFC 5035 §4
		expected := append([]byte("\x30\x26\x30\x24\x30\x22"), octetString(crypto.SHA256, certificate.Raw)...)
		need(bytes.Equal(bound, expected), "another certificate was signed")
	}
	return certificate, fault, content
}

// isStrong tells a key of 2048 bits or more, and not one by which anybody signs.
func isStrong(key *rsa.PublicKey) bool {
	return key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192 && key.N.Bit(0) == 1 && key.E >= 3 && key.E < 1<<31 && key.E%2 == 1
}

// findSigner returns the certificate if it has this issuer and serial number, and why it is not to be trusted.
func findSigner(each *element, named []byte) (*x509.Certificate, string) {
	fields := each.take(0x30, 0x30, 0x03)[0].parts
	need(len(fields) > 3 && bytes.Equal(append(append([]byte{}, fields[3].raw...), fields[1].raw...), named), "the signer's certificate is not there")
	fault := checkForm(each)
	if !isSHA2(each.parts[1].raw) {
		fault = "not signed with SHA-2 and RSA"
	}
	certificate, err := x509.ParseCertificate(each.raw)
	need(err == nil, "a certificate that cannot be read")
	return certificate, fault
}

// checkForm refuses a certificate of another form than RFC 5280 §4.1, and says what is not understood in it.
func checkForm(whole *element) string {
	outer := whole.take(0x30, 0x30, 0x03)
	fields := outer[0].take(0xa0, 0x02, 0x30, 0x30, 0x30, 0x30, 0x30, 0xa3)
	serial, dates, bits := fields[1].body, fields[4].parts, outer[2].body
	need(bytes.Equal(fields[0].raw, []byte{0xa0, 3, 2, 1, 2}) && bytes.Equal(fields[2].raw, outer[1].raw), "a certificate of another form")
	need(len(serial) <= 21 && serial[0] < 0x80 && bits[0] == 0 && len(dates) == 2, "a certificate of another form")
	need(!checkTime(dates[1]).Before(checkTime(dates[0])), "it ends before it begins")
	checkName(fields[3])
	checkName(fields[5])
	checkKey(fields[6])
	return checkExtensions(fields[7], understood)
}

// checkExtensions refuses extensions of another form, and says what is not understood in them.
func checkExtensions(tagged *element, known [][]byte) (fault string) {
	seen := map[string]bool{}
	for _, each := range tagged.take(0x30)[0].parts {
		isCritical, parts := len(each.parts) == 3, each.parts
		if isCritical {
			need(each.take(0x06, 0x01, 0x04)[1].body[0] == 0xff, "FALSE, which goes without saying")
		} else {
			each.take(0x06, 0x04)
		}
		kind, values := parts[0].raw, read(parts[len(parts)-1].body, 0)
		need(each.tag == 0x30 && !seen[string(kind)] && isShort(kind) && len(values) == 1 && isExtension(kind, values[0]), "an extension of another form, or twice")
		seen[string(kind)] = true
		isKnown := false
		for _, one := range known {
			isKnown = isKnown || bytes.Equal(one, kind)
		}
		for _, one := range limiting {
			isKnown = isKnown && !bytes.Equal(one, kind)
			isCritical = isCritical || bytes.Equal(one, kind)
		}
		if isCritical && !isKnown {
			fault = "an extension that is not understood"
		}
	}
	return fault
}

// checkList refuses a list of another form than RFC 5280 §5.1; of its entries only the numbers are looked at.
func checkList(der []byte) {
	whole := split(der)
	need(len(whole) == 1 && whole[0].tag == 0x30, "not one list")
	outer := split(whole[0].body)
	need(len(outer) == 3 && outer[0].tag == 0x30 && outer[2].tag == 0x03, "not a list")
	isPlain := false
	for _, last := range []int{11, 12, 13} {
		isPlain = isPlain || isAlgorithm(outer[1].raw, oid(1, 2, 840, 113549, 1, 1, last))
	}
	need(isPlain, "not signed with SHA-2 and RSA")
	var tags []byte
	fields := split(outer[0].body)
	for _, each := range fields {
		tags = append(tags, each.tag)
	}
	need(listFields.MatchString(hex.EncodeToString(tags)), "a list of another form")
	need(bytes.Equal(fields[0].raw, []byte{2, 1, 1}) && bytes.Equal(fields[1].raw, outer[1].raw), "a list of another form")
	need(!moment(fields[4]).Before(moment(fields[3])), "it ends before it begins")
	for _, each := range fields[5:] {
		if each.tag == 0x30 {
			for _, entry := range split(each.body) {
				parts := split(entry.body)
				need(entry.tag == 0x30 && len(parts) >= 2 && parts[0].tag == 0x02 && isStrict(0x02, parts[0].body), "an entry without a number")
			}
			continue
		}
		need(checkExtensions(read(each.raw, 0)[0], nil) == "", "a list that is not complete")
	}
}

func isSHA2(identifier []byte) bool {
	for _, last := range []int{11, 12, 13} {
		name := oid(1, 2, 840, 113549, 1, 1, last)
		if bytes.Equal(identifier, append(append([]byte{0x30, 13}, name...), 5, 0)) {
			return true
		}
	}
	return false
}

// checkTime refuses what is no moment of the calendar, in one of the two forms of RFC 5280 §4.1.2.5.
func checkTime(each *element) time.Time {
	need(each.tag != 0x18 || string(each.body) >= "2050", "a date in the form of later ones")
	return moment(each)
}

func moment(each *element) time.Time {
	text := string(each.body)
	isForm := each.tag == 0x17 || each.tag == 0x18
	if each.tag == 0x17 && text < "5" {
		text = "20" + text
	} else if each.tag == 0x17 {
		text = "19" + text
	}
	found, err := time.Parse("20060102150405Z", text)
	need(isForm && len(text) == 15 && text >= "0001" && err == nil, "no date")
	return found
}

// checkName refuses a name of other things than texts.
func checkName(name *element) {
	need(len(name.parts) > 0, "nobody's name")
	for _, relative := range name.parts {
		need(relative.tag == 0x31 && len(relative.parts) > 0, "a name of another form")
		for _, pair := range relative.parts {
			isPair := pair.tag == 0x30 && len(pair.parts) == 2 && pair.parts[0].tag == 0x06
			need(isPair && isShort(pair.parts[0].body) && bytes.IndexByte([]byte{0x0c, 0x13, 0x14, 0x16, 0x1e}, pair.parts[1].tag) >= 0, "a name of another form")
		}
	}
}

// isShort tells whether each number of an identifier is less than 2^28, which everybody can hold.
func isShort(identifier []byte) bool {
	long := 0
	for _, octet := range identifier {
		if octet < 0x80 {
			long = 0
		} else if long++; long == 4 {
			return false
		}
	}
	return true
}

// checkKey refuses a key in another form than RFC 3279 §2.3.1.
func checkKey(key *element) {
	parts := key.take(0x30, 0x03)
	name := append(append([]byte{0x30, 13}, oid(1, 2, 840, 113549, 1, 1, 1)...), 5, 0)
	need(bytes.Equal(parts[0].raw, name) && parts[1].body[0] == 0, "not an RSA key")
	numbers := read(parts[1].body[1:], 0)
	need(len(numbers) == 1 && numbers[0].tag == 0x30, "not an RSA key")
	numbers[0].take(0x02, 0x02)
}

// isExtension tells whether an extension's value is of the form that RFC 5280 §4.2.1 gives it.
func isExtension(kind []byte, value *element) bool {
	var tags []byte
	for _, each := range value.parts {
		tags = append(tags, each.tag)
	}
	body, size := value.body, len(value.body)
	switch {
	case bytes.Equal(kind, keyUsage):
		return value.tag == 0x03 && size == 2 && body[1]>>body[0]&1 == 1
	case bytes.Equal(kind, constraints):
		isLength := string(tags) == "\x01" || string(tags) == "\x01\x02" && len(value.parts[1].body) == 1 && value.parts[1].body[0] < 0x80
		return value.tag == 0x30 && (size == 0 || isLength && value.parts[0].body[0] == 0xff)
	case bytes.Equal(kind, authorityKey):
		return value.tag == 0x30 && (string(tags) == "\x80" || string(tags) == "\x80\xa1\x82") && len(value.parts[0].body) > 0
	case bytes.Equal(kind, subjectKey):
		return value.tag == 0x04
	case bytes.Equal(kind, purposes):
		return value.tag == 0x30 && size > 0 && strings.Trim(string(tags), "\x06") == ""
	case bytes.Equal(kind, otherNames): // texts are ASCII, addresses of four octets or sixteen
		for _, each := range value.parts {
			isText := strings.IndexByte("\x81\x82\x86", each.tag) >= 0 && isStrict(0x16, each.body)
			isAddress := each.tag == 0x87 && (len(each.body) == 4 || len(each.body) == 16)
			if !isText && !isAddress && strings.IndexByte("\xa0\xa4\x88", each.tag) < 0 {
				return false
			}
		}
		return value.tag == 0x30
	case bytes.Equal(kind, directoryKind):
		for _, each := range value.parts {
			if each.tag != 0x30 || len(each.parts) != 2 || each.parts[0].tag != 0x06 || each.parts[1].tag != 0x31 {
				return false
			}
		}
		return value.tag == 0x30
	}
	return true
}

// readAttributes maps each attribute to its one value.
func readAttributes(attributes *element) map[string][]byte {
	found := map[string][]byte{}
	need(len(attributes.parts) > 0, "no signed attributes")
	for index, each := range attributes.parts {
		need(each.tag == 0x30 && (index == 0 || bytes.Compare(attributes.parts[index-1].raw, each.raw) < 0), "attributes that are not in the order of DER")
		pair := each.take(0x06, 0x31)
		_, twice := found[string(pair[0].raw)]
		need(len(pair[1].parts) == 1 && !twice, "an attribute without its one value")
		found[string(pair[0].raw)] = pair[1].parts[0].raw
	}
	return found
}

// RevocationList is a complete list of one authority.
type RevocationList struct {
	issuer     *x509.Certificate
	begin, end time.Time
	serials    map[string]struct{}
}

// LoadAuthority loads the DER certificate of an authority.
func LoadAuthority(der []byte) (loaded *x509.Certificate, err error) {
	defer func() {
		if raised := recover(); raised != nil {
			loaded, err = nil, fmt.Errorf("not an authority's certificate: %v", raised)
		}
	}()
	elements := read(der, 0)
	need(len(elements) == 1 && elements[0].tag == 0x30, "not one certificate")
	if fault := checkForm(elements[0]); fault != "" {
		return nil, errors.New(fault)
	}
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
func LoadList(der []byte, issuer *x509.Certificate) (loaded *RevocationList, err error) {
	defer func() {
		if raised := recover(); raised != nil {
			loaded, err = nil, fmt.Errorf("not a list: %v", raised)
		}
	}()
	checkList(der)
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
	names := map[string]bool{} // two authorities of one name are ambiguous
	for index := 1; index < len(chain); index++ {
		issued, issuer := chain[index-1], chain[index]
		stated, own := issued.AuthorityKeyId, issuer.SubjectKeyId
		if names[string(issuer.RawSubject)] || (len(stated) > 0 && len(own) > 0 && !bytes.Equal(stated, own)) {
			return "certificate_untrusted"
		}
		names[string(issuer.RawSubject)] = true
	}
	if len(chain) < 2 || len(chain) > 6 {
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
	certificate, strange, content := openMessage(token)
	if certificate.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		refuse("wrong_key_usage", "not a certificate for signatures")
	}
	if strange != "" {
		refuse("certificate_untrusted", strange)
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
