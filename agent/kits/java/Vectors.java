import ankong.LoginVerifier;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Runs the test vectors: Vectors MANIFEST; with --fuzz, judges tokens in base64 from standard input. */
public final class Vectors {
    private static Path folder;

    public static void main(String[] arguments) throws Exception {
        Path path = Path.of(arguments[0]).toAbsolutePath();
        folder = path.getParent();
        Map<String, Object> manifest = map(new Json(Files.readString(path)).value());
        if (arguments.length > 1 && arguments[1].equals("--fuzz")) {
            Settings settings = Settings.orNull(manifest);
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                byte[] token = line.equals("null") ? null : Base64.getDecoder().decode(line);
                System.out.println(settings == null ? "error" : settings.judge(token));
            }
            return;
        }
        for (Map.Entry<String, Object> entry : map(manifest.get("cases")).entrySet()) {
            Map<String, Object> each = map(entry.getValue());
            if (each.containsKey("steps")) continue; // for those who keep challenges
            Map<String, Object> wanted = new HashMap<>(manifest);
            wanted.putAll(each);
            String code = judge(wanted, file(each.get("file")));
            boolean ok = each.get("expect") instanceof List<?> codes ? codes.contains(code) : code.equals(each.get("expect"));
            System.out.printf("{\"name\": \"%s\", \"code\": \"%s\", \"ok\": %b}%n", entry.getKey(), code, ok);
        }
        Settings settings = new Settings(manifest);
        byte[] token = file("valid.der");
        long start = System.nanoTime();
        for (int count = 0; count < 200; count++) settings.judge(token);
        double speed = 200 / ((System.nanoTime() - start) / 1e9);
        LoginVerifier.Holder holder = settings.login(token).holder();
        String key = HexFormat.of().formatHex(holder.accountKey("k".repeat(32).getBytes(StandardCharsets.US_ASCII)));
        String last4 = holder.idLast4() == null ? "null" : "\"" + holder.idLast4() + "\"";
        System.out.printf("{\"logins_per_second\": %.0f, \"account_key\": \"%s\", \"last4\": %s}%n", speed, key, last4);
    }

    /** Returns "ok" or the code of the refusal; "error" where the settings are wrong, as nobody's token is. */
    private static String judge(Map<String, Object> wanted, byte[] token) throws Exception {
        int due = ((List<?>) map(wanted.get("trust")).get("crls")).size();
        try {
            Settings settings = new Settings(wanted);
            String code = settings.judge(token);
            return settings.lists.size() < due && code.equals("ok") ? "revocation_unknown" : code;
        } catch (IllegalArgumentException error) {
            return due == 0 ? "revocation_unknown" : "error"; // the site did not start
        }
    }

    private static byte[] file(Object name) throws Exception {
        return Files.readAllBytes(folder.resolve((String) name));
    }

    /** What a verifier is configured with, of what loads. */
    private static final class Settings {
        final Map<String, Object> wanted;
        final LoginVerifier verifier;
        final List<LoginVerifier.RevocationList> lists = new ArrayList<>();

        @SuppressWarnings("unchecked")
        Settings(Map<String, Object> wanted) throws Exception {
            this.wanted = wanted;
            Map<String, Object> trust = map(wanted.get("trust"));
            List<X509Certificate> roots = authorities(trust.get("roots")), cas = authorities(trust.get("cas"));
            for (Object name : (List<Object>) trust.get("crls")) {
                for (X509Certificate issuer : Stream.concat(roots.stream(), cas.stream()).toList()) {
                    try {
                        lists.add(LoginVerifier.loadList(file(name), issuer));
                    } catch (IllegalArgumentException | GeneralSecurityException notThisIssuers) {
                        continue;
                    }
                }
            }
            verifier = new LoginVerifier(roots, cas, lists, (List<String>) wanted.get("origins"));
        }

        static Settings orNull(Map<String, Object> wanted) throws Exception {
            try {
                return new Settings(wanted);
            } catch (IllegalArgumentException error) {
                return null;
            }
        }

        LoginVerifier.Login login(byte[] token) throws LoginVerifier.VerificationException {
            Instant now = Instant.parse((String) wanted.get("at"));
            return verifier.verify(token, (String) wanted.get("challenge"), (String) wanted.get("purpose"), now);
        }

        String judge(byte[] token) {
            try {
                login(token);
                return "ok";
            } catch (LoginVerifier.VerificationException error) {
                return error.code;
            }
        }
    }

    /** Returns whatever loads of these; a site would not start where something does not. */
    @SuppressWarnings("unchecked")
    private static List<X509Certificate> authorities(Object names) throws Exception {
        List<X509Certificate> found = new ArrayList<>();
        for (Object name : (List<Object>) names) {
            try {
                found.add(LoginVerifier.loadAuthority(file(name)));
            } catch (IllegalArgumentException | GeneralSecurityException notLoaded) {
                continue;
            }
        }
        return found;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> map(Object value) {
        return (Map<String, Object>) value;
    }

    /** As much of JSON as the manifest has. */
    private static final class Json {
        private final Matcher tokens;

        Json(String text) {
            tokens = Pattern.compile("\\s*(?:([{}\\[\\],:])|\"((?:[^\"\\\\]|\\\\.)*)\"|([^\\s{}\\[\\],:\"]+))").matcher(text);
        }

        Object value() {
            tokens.find();
            if (tokens.group(2) != null) return tokens.group(2);
            if (tokens.group(3) != null) return tokens.group(3);
            Map<String, Object> members = new LinkedHashMap<>();
            List<Object> items = new ArrayList<>();
            boolean isMap = tokens.group(1).equals("{");
            if (!isMap && !tokens.group(1).equals("[")) return null; // the end of an empty one
            for (Object each = value(); each != null; each = value()) {
                if (isMap) {
                    tokens.find();
                    members.put((String) each, value());
                } else {
                    items.add(each);
                }
                tokens.find();
                if (!tokens.group(1).equals(",")) break;
            }
            return isMap ? members : items;
        }
    }
}
