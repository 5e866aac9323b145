import ankong.LoginVerifier;
import ankong.LoginVerifier.VerificationException;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A whole site that logs citizens in; its settings are in ANKONG_TRUST (a folder), ANKONG_ORIGIN,
 * ACCOUNT_SECRET (hex) and PORT. Browsers reach it by a proxy that speaks TLS, or as http://localhost.
 */
public final class LoginServer {
    /** A challenge of a session. */
    private record Asked(String id, String challenge, Instant at) {}

    /** What the server remembers of a browser. */
    private static final class Session {
        Asked asked;
        byte[] taken; // SHA-256 of the token that has the challenge
        String account;

        // region: redeem
        /** Returns the challenge of this session, for one token: the same one again gets the same answer, another one none. */
        synchronized String redeem(String id, byte[] token) throws Refused, GeneralSecurityException {
            if (asked == null || !asked.id.equals(id)) throw new Refused("challenge_unknown");
            if (Duration.between(asked.at, Instant.now()).compareTo(LIFETIME) >= 0) throw new Refused("challenge_expired");
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(token);
            if (taken == null) taken = digest; // before anything is verified
            if (!MessageDigest.isEqual(taken, digest)) throw new Refused("challenge_used");
            return asked.challenge;
        }
        // endregion: redeem
    }

    private static final class Refused extends Exception {
        Refused(String code) {
            super(code);
        }
    }

    private static final Duration LIFETIME = Duration.ofSeconds(300);
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final Pattern COOKIE = Pattern.compile("(?:^|; )__Host-session=([^;]*)");
    private final Map<String, Session> sessions = new ConcurrentHashMap<>(); // yours are in a database
    private final LoginVerifier verifier;
    private final byte[] secret;

    // region: load
    LoginServer(Path folder, String origin, String secret) throws Exception {
        X509Certificate root = LoginVerifier.loadAuthority(Files.readAllBytes(folder.resolve("root.cer")));
        X509Certificate ca = LoginVerifier.loadAuthority(Files.readAllBytes(folder.resolve("ca.cer")));
        this.verifier = new LoginVerifier(
                List.of(root),
                List.of(ca),
                List.of( // read once: start anew, or make another verifier, when they were fetched again
                        LoginVerifier.loadList(Files.readAllBytes(folder.resolve("root.crl")), root),
                        LoginVerifier.loadList(Files.readAllBytes(folder.resolve("ca.crl")), ca)),
                List.of(origin));
        this.secret = HexFormat.of().parseHex(secret); // 32 octets of your own, the same for ever
        new LoginVerifier.Holder("", "", "", "").accountKey(this.secret); // throws now if it is too short
    }
    // endregion: load

    private static String setting(String name) {
        String found = System.getenv(name);
        if (found == null) throw new IllegalArgumentException(name + " is not set");
        return found;
    }

    public static void main(String[] arguments) throws Exception {
        LoginServer site = new LoginServer(Path.of(setting("ANKONG_TRUST")), setting("ANKONG_ORIGIN"), setting("ACCOUNT_SECRET"));
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.createContext("/", site::answer);
        server.start();
        System.out.println("listening on " + server.getAddress().getPort());
    }

    // region: login
    private String challenge(HttpExchange exchange, Session known) {
        Session session = known != null ? known : open(exchange);
        Asked asked = new Asked(random(16), random(32), Instant.now());
        synchronized (session) {
            session.asked = asked; // one at a time: a new one replaces it
            session.taken = null;
        }
        return "{\"challenge_id\": \"" + asked.id + "\", \"challenge\": \"" + asked.challenge + "\"}";
    }

    private String login(HttpExchange exchange, Session session, String id, String body) throws Exception {
        if (session == null) throw new Refused("challenge_unknown");
        byte[] token = token(member(body, "token"));
        String challenge = session.redeem(member(body, "challenge_id"), token);
        LoginVerifier.Login login = verifier.verify(token, challenge, "login", Instant.now());
        sessions.remove(id); // whoever knew the old session does not get the new one
        open(exchange).account = HexFormat.of().formatHex(login.holder().accountKey(secret));
        return "{\"name\": " + quoted(login.holder().name()) + "}"; // authenticated is not authorised: look the account up
    }
    // endregion: login

    private void answer(HttpExchange exchange) throws IOException {
        int status = 200;
        String content;
        try {
            String id = cookie(exchange), route = exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath();
            Session session = id == null ? null : sessions.get(id);
            String body = new String(exchange.getRequestBody().readNBytes(128 * 1024), StandardCharsets.UTF_8);
            if (route.equals("POST /login/challenge")) content = challenge(exchange, session);
            else if (route.equals("POST /login")) content = login(exchange, session, id, body);
            else throw new Refused("not_found");
        } catch (VerificationException error) {
            System.err.println("login refused: " + error.getMessage()); // what was expected stands here alone
            status = 400;
            content = "{\"code\": \"" + error.code + "\"}";
        } catch (Refused error) {
            status = error.getMessage().equals("not_found") ? 404 : 400;
            content = "{\"code\": \"" + error.getMessage() + "\"}";
        } catch (Exception error) {
            System.err.println("not answered: " + error);
            status = 500;
            content = "{\"code\": \"internal\"}";
        }
        byte[] octets = content.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.sendResponseHeaders(status, octets.length);
        try (exchange) {
            exchange.getResponseBody().write(octets);
        }
    }

    private Session open(HttpExchange exchange) {
        if (sessions.size() >= 100_000) sessions.clear(); // nobody fills the memory
        String id = random(32);
        Session session = new Session();
        sessions.put(id, session);
        exchange.getResponseHeaders().add("Set-Cookie", "__Host-session=" + id + "; Path=/; Secure; HttpOnly; SameSite=Lax");
        return session;
    }

    private static String cookie(HttpExchange exchange) {
        String header = exchange.getRequestHeaders().getFirst("Cookie");
        Matcher found = COOKIE.matcher(header == null ? "" : header);
        return found.find() ? found.group(1) : null;
    }

    /** Returns a member of the page's JSON, whose two texts need no escapes; yours has a parser. */
    private static String member(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([A-Za-z0-9+/=_-]*)\"").matcher(json);
        return found.find() ? found.group(1) : null;
    }

    private static byte[] token(String base64) {
        try {
            return base64 == null ? new byte[0] : Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException error) {
            return new byte[0]; // which is refused
        }
    }

    private static String quoted(String text) {
        StringBuilder found = new StringBuilder();
        if (text != null) text.chars().forEach(each -> found.append(String.format("\\u%04x", each)));
        return text == null ? "null" : "\"" + found + "\"";
    }

    private static String random(int length) {
        byte[] octets = new byte[length];
        RANDOM.nextBytes(octets);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(octets);
    }
}
