// A whole site that logs citizens in; its settings are in ANKONG_TRUST (a folder), ANKONG_ORIGIN,
// ACCOUNT_SECRET (hex) and PORT. Browsers reach it by a proxy that speaks TLS, or as http://localhost.
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	verify "ankongverify"
)

const lifetime = 300 * time.Second // of a challenge

// asked is the challenge of a session.
type asked struct {
	id, challenge string
	at            time.Time
	taken         *[32]byte // SHA-256 of the token that has it
}

type session struct {
	asked   *asked
	account string
}

type site struct {
	options  verify.Options
	secret   []byte
	lock     sync.Mutex
	sessions map[string]*session // yours are in a database
}

func main() {
	site, err := load(os.Getenv("ANKONG_TRUST"), os.Getenv("ANKONG_ORIGIN"), os.Getenv("ACCOUNT_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/login/challenge", site.challenge)
	http.HandleFunc("/login", site.login)
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{ReadTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}

// region: load
func load(folder, origin, secret string) (*site, error) {
	options := verify.Options{Origins: []string{origin}, Purpose: "login"}
	for _, name := range []string{"root", "ca"} {
		certificate, err := os.ReadFile(filepath.Join(folder, name+".cer"))
		if err != nil {
			return nil, err
		}
		authority, err := verify.LoadAuthority(certificate)
		if err != nil {
			return nil, err
		}
		octets, err := os.ReadFile(filepath.Join(folder, name+".crl"))
		if err != nil {
			return nil, err
		}
		list, err := verify.LoadList(octets, authority) // read once: start anew when it was fetched again
		if err != nil {
			return nil, err
		}
		pool := map[string]*[]*x509.Certificate{"root": &options.Roots, "ca": &options.CAs}[name]
		*pool, options.Lists = append(*pool, authority), append(options.Lists, list)
	}
	key, err := hex.DecodeString(secret) // 32 octets of your own, the same for ever
	if err != nil || len(key) < 32 {
		return nil, errors.New("ACCOUNT_SECRET is not hex of 32 octets or more")
	}
	return &site{options: options, secret: key, sessions: map[string]*session{}}, verify.CheckOrigins(options.Origins)
}

// endregion: load

// region: login
func (s *site) challenge(response http.ResponseWriter, request *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	known := s.sessions[cookie(request)]
	if known == nil {
		known = s.open(response)
	}
	known.asked = &asked{id: random(16), challenge: random(32), at: time.Now()} // a new one replaces it
	answer(response, 200, map[string]any{"challenge_id": known.asked.id, "challenge": known.asked.challenge})
}

// redeem returns the challenge of a session, for one token, or the code of a refusal.
// The same token again gets the same answer, another one none.
func (s *site) redeem(session, id string, token []byte) (challenge, code string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	known := s.sessions[session]
	if known == nil || known.asked == nil || known.asked.id != id {
		return "", "challenge_unknown"
	}
	if time.Since(known.asked.at) >= lifetime {
		return "", "challenge_expired"
	}
	digest := sha256.Sum256(token)
	if known.asked.taken == nil {
		known.asked.taken = &digest // before anything is verified
	}
	if *known.asked.taken != digest {
		return "", "challenge_used"
	}
	return known.asked.challenge, ""
}

func (s *site) login(response http.ResponseWriter, request *http.Request) {
	var body struct {
		ChallengeID string `json:"challenge_id"`
		Token       string `json:"token"`
	}
	if json.NewDecoder(http.MaxBytesReader(response, request.Body, 128*1024)).Decode(&body) != nil {
		answer(response, 400, map[string]any{"code": "bad_request"})
		return
	}
	token, _ := base64.StdEncoding.DecodeString(body.Token) // what is none is refused below
	options, code := s.options, ""
	if options.Challenge, code = s.redeem(cookie(request), body.ChallengeID, token); code != "" {
		answer(response, 400, map[string]any{"code": code})
		return
	}
	found, err := verify.VerifyLogin(token, options)
	var refused *verify.VerificationError
	if errors.As(err, &refused) {
		log.Print("login refused: ", err) // what was expected stands here alone
		answer(response, 400, map[string]any{"code": refused.Code})
		return
	}
	if err != nil {
		log.Print("not verified: ", err)
		answer(response, 500, map[string]any{"code": "internal"})
		return
	}
	key, _ := found.Holder.AccountKey(s.secret) // its length was checked
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.sessions, cookie(request)) // whoever knew the old session does not get the new one
	s.open(response).account = hex.EncodeToString(key)
	answer(response, 200, map[string]any{"name": found.Holder.Name}) // authenticated is not authorised: look the account up
}

// endregion: login

func (s *site) open(response http.ResponseWriter) *session {
	if len(s.sessions) >= 100_000 { // nobody fills the memory
		s.sessions = map[string]*session{}
	}
	id, opened := random(32), &session{}
	s.sessions[id] = opened
	http.SetCookie(response, &http.Cookie{Name: "__Host-session", Value: id, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return opened
}

func cookie(request *http.Request) string {
	found, err := request.Cookie("__Host-session")
	if err != nil {
		return ""
	}
	return found.Value
}

func random(length int) string {
	octets := make([]byte, length)
	if _, err := rand.Read(octets); err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(octets)
}

func answer(response http.ResponseWriter, status int, content map[string]any) {
	response.Header().Set("Content-Type", "application/json")
	response.Header().Set("Cache-Control", "no-store")
	response.WriteHeader(status)
	_ = json.NewEncoder(response).Encode(content)
}
