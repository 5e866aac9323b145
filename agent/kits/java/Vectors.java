import ankong.LoginVerifier;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
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
            Settings settings = new Settings(manifest);
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                System.out.println(settings.judge(line.equals("null") ? null : Base64.getDecoder().decode(line)));
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
        for (int count = 0; count < 500; count++) settings.judge(token);
        System.out.printf("{\"logins_per_second\": %.0f}%n", 500 / ((System.nanoTime() - start) / 1e9));
    }

    /** Returns "ok" or the code of the refusal; "error" where the settings are wrong, as nobody's token is. */
    private static String judge(Map<String, Object> wanted, byte[] token) throws Exception {
        try {
            return new Settings(wanted).judge(token);
        } catch (IllegalArgumentException error) {
            return "error";
        }
    }

    private static byte[] file(Object name) throws Exception {
        return Files.readAllBytes(folder.resolve((String) name));
    }

    /** What a verifier is configured with; a list that cannot be loaded is not there. */
    private static final class Settings {
        final Map<String, Object> wanted;
        final LoginVerifier verifier;

        @SuppressWarnings("unchecked")
        Settings(Map<String, Object> wanted) throws Exception {
            this.wanted = wanted;
            Map<String, Object> trust = map(wanted.get("trust"));
            List<X509Certificate> roots = authorities(trust.get("roots")), cas = authorities(trust.get("cas"));
            List<LoginVerifier.RevocationList> lists = new ArrayList<>();
            for (Object name : (List<Object>) trust.get("crls")) {
                for (X509Certificate issuer : Stream.concat(roots.stream(), cas.stream()).toList()) {
                    try {
                        lists.add(LoginVerifier.loadList(file(name), issuer));
                    } catch (Exception notThisIssuers) {
                        continue;
                    }
                }
            }
            verifier = new LoginVerifier(roots, cas, lists, (List<String>) wanted.get("origins"));
        }

        String judge(byte[] token) {
            try {
                verifier.verify(token, (String) wanted.get("challenge"), (String) wanted.get("purpose"), Instant.parse((String) wanted.get("at")));
                return "ok";
            } catch (LoginVerifier.VerificationException error) {
                return error.code;
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static List<X509Certificate> authorities(Object names) throws Exception {
        List<X509Certificate> found = new ArrayList<>();
        for (Object name : (List<Object>) names) found.add(LoginVerifier.loadAuthority(file(name)));
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
