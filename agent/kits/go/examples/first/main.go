package main

import (
	verify "ankongverify"
	"crypto/x509"
	"fmt"
	"os"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	file := func(name string) []byte { return must(os.ReadFile(os.Args[1] + "/" + name)) } // of the vectors
	root, ca := must(verify.LoadAuthority(file("root.cer"))), must(verify.LoadAuthority(file("ca.cer")))
	options := verify.Options{
		Roots: []*x509.Certificate{root}, CAs: []*x509.Certificate{ca},
		Lists:     []*verify.RevocationList{must(verify.LoadList(file("root.crl"), root)), must(verify.LoadList(file("ca.crl"), ca))},
		Origins:   []string{"https://portal.example"},
		Purpose:   "login",
		Challenge: "4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8zMiBtb3JlIG9jdGV0cywgaW4gQVNDSUkgbGV0dGVycw",
	}
	fmt.Printf("%+v\n", *must(verify.VerifyLogin(file("valid.der"), options)))
}
