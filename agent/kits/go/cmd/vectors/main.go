// Run the test vectors: `go run ./cmd/vectors MANIFEST`; with --fuzz, judge tokens in base64 from standard input.
package main

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	verify "ankongverify"
)

type settings struct {
	At, Challenge, Purpose string
	Origins                []string
	Trust                  struct{ Roots, CAs, CRLs []string }
}

var folder string

func file(name string) []byte {
	octets, err := os.ReadFile(filepath.Join(folder, name))
	must(err)
	return octets
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// authorities returns whatever loads of these; a site would not start where something does not.
func authorities(names []string) (found []*x509.Certificate) {
	for _, name := range names {
		if one, err := verify.LoadAuthority(file(name)); err == nil {
			found = append(found, one)
		}
	}
	return found
}

// configure returns what a verifier is configured with, of what loads.
func configure(wanted settings) verify.Options {
	now, err := time.Parse(time.RFC3339, wanted.At)
	must(err)
	options := verify.Options{Roots: authorities(wanted.Trust.Roots), CAs: authorities(wanted.Trust.CAs),
		Origins: wanted.Origins, Challenge: wanted.Challenge, Purpose: wanted.Purpose, Now: now}
	for _, name := range wanted.Trust.CRLs {
		for _, issuer := range append(append([]*x509.Certificate{}, options.Roots...), options.CAs...) {
			if list, err := verify.LoadList(file(name), issuer); err == nil {
				options.Lists = append(options.Lists, list)
			}
		}
	}
	return options
}

// judge returns "ok" or the code of the refusal.
func judge(token []byte, options verify.Options) string {
	_, err := verify.VerifyLogin(token, options)
	var refused *verify.VerificationError
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		return "error" // the settings are wrong, as nobody's token is
	}
	return "ok"
}

func main() {
	path := os.Args[1]
	folder = filepath.Dir(path)
	text, err := os.ReadFile(path)
	must(err)
	var common settings
	must(json.Unmarshal(text, &common))
	var manifest struct{ Cases map[string]json.RawMessage }
	must(json.Unmarshal(text, &manifest))
	if len(os.Args) > 2 && os.Args[2] == "--fuzz" {
		options, lines := configure(common), bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var token []byte // nil, as "null" says
			if lines.Text() != "null" {
				token, err = base64.StdEncoding.DecodeString(lines.Text())
				must(err)
			}
			fmt.Println(judge(token, options))
		}
		return
	}
	for name, raw := range manifest.Cases {
		var each struct {
			File   string
			Expect any
			Steps  any
		}
		must(json.Unmarshal(raw, &each))
		if each.Steps != nil { // for those who keep challenges
			continue
		}
		var wanted settings
		must(json.Unmarshal(text, &wanted))
		must(json.Unmarshal(raw, &wanted))
		options := configure(wanted)
		code := judge(file(each.File), options)
		due := len(wanted.Trust.CRLs)
		if due == 0 && code == "error" || len(options.Lists) < due && code == "ok" {
			code = "revocation_unknown" // that the site did not start
		}
		expected, isList := each.Expect.([]any)
		if !isList {
			expected = []any{each.Expect}
		}
		ok := false
		for _, one := range expected {
			ok = ok || one == code
		}
		line, _ := json.Marshal(map[string]any{"name": name, "code": code, "ok": ok})
		fmt.Println(string(line))
	}
	options, token, start := configure(common), file("valid.der"), time.Now()
	for count := 0; count < 200; count++ {
		judge(token, options)
	}
	speed := 200 / time.Since(start).Seconds()
	found, err := verify.VerifyLogin(token, options)
	must(err)
	key, err := found.Holder.AccountKey(bytes.Repeat([]byte("k"), 32))
	must(err)
	fmt.Printf("{\"logins_per_second\": %.0f, \"account_key\": \"%x\", \"last4\": %q}\n", speed, key, found.Holder.IDLast4)
}
