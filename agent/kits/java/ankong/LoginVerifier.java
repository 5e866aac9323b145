package ankong;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAPublicKey;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Date;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1Set;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.ASN1TaggedObject;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.x500.AttributeTypeAndValue;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;

/**
 * Verifies logins that the Ankong agent made: one file, BouncyCastle's ASN.1 and the JDK.
 *
 * <p>Make one when the server starts: what is wrong with its settings throws there. Then call {@link
 * #verify} with each token, after the session's challenge was used up. Nothing is ever accepted
 * because something was missing. It has no state that changes; threads may share it.
 */
public final class LoginVerifier {
    /** The token is refused: tell the page the code, and your log the message. */
    public static final class VerificationException extends Exception {
        public final String code;

        VerificationException(String code, String detail) {
            super(code + ": " + detail);
            this.code = code;
        }
    }

    /** Whose card it is; name and idLast4 may be null, and a name is nobody's identity. */
    public record Holder(String name, String idLast4, String subjectSerial, String issuer) {
        /** What to store instead of the serial number; the secret is your own, 32 octets or more, for ever. */
        public byte[] accountKey(byte[] secret) throws GeneralSecurityException {
            if (secret.length < 32) throw new IllegalArgumentException("the secret needs 32 octets");
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            return mac.doFinal((issuer + "\0" + subjectSerial).getBytes(StandardCharsets.UTF_8));
        }
    }

    /** A login that holds; time is by the citizen's clock: for the log alone. */
    public record Login(Holder holder, String origin, String purpose, String time) {}

    /** A complete list of one authority: see {@link #loadList}. */
    public record RevocationList(X509Certificate issuer, Date begin, Date end, Set<BigInteger> serials) {}

    private static final int MAX_TOKEN = 64 * 1024; // octets
    private static final byte[] LOGIN = HexFormat.of().parseHex("061369c7e9888fdfabaa87899cc0a8e7e8e8b9d136"); // compared as octets
    private static final String CONTENT_TYPE = "1.2.840.113549.1.9.3";
    private static final String MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
    private static final String SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47";
    private static final Map<String, String> DIGESTS = Map.of("2.16.840.1.101.3.4.2.1", "SHA-256",
            "2.16.840.1.101.3.4.2.2", "SHA-384", "2.16.840.1.101.3.4.2.3", "SHA-512");
    private static final Map<String, String> WITH_RSA = Map.of("SHA-256", "1.2.840.113549.1.1.11",
            "SHA-384", "1.2.840.113549.1.1.12", "SHA-512", "1.2.840.113549.1.1.13");
    private static final Map<String, String> DIGEST_INFOS = Map.of("SHA-256", "3031300d060960864801650304020105000420",
            "SHA-384", "3041300d060960864801650304020205000430", "SHA-512", "3051300d060960864801650304020305000440");
    private static final List<String> IDENTIFIERS = identifiers(); // RSA first
    private static final List<String> CERTIFIED_WITH = Stream.of("b", "c", "d").map(each -> "300d06092a864886f70d01010" + each + "0500").toList();
    private static final Set<String> ATTRIBUTES = Set.of(CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE);
    private static final Set<String> UNDERSTOOD = Set.of("0603551d0f", "0603551d13", "0603551d20", "0603551d11"); // policies and other names, too
    private static final Set<String> LIMITING = Set.of("0603551d1e", "0603551d24", "0603551d1b", "0603551d1c"); // constraints on names, on policies; delta lists and parts of lists
    private static final Set<Integer> UNIVERSAL = Set.of(0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1e, 0x30, 0x31);
    private static final Pattern HUGE = Pattern.compile("[\\x80-\\xff]{4}");
    private static final Pattern PRINTABLE = Pattern.compile("[A-Za-z0-9 '()+,./:=?-]*");
    private static final Map<String, String> NAMES = Map.of("2.5.4.6", "C", "2.5.4.10", "O", "2.5.4.11", "OU",
            "2.5.4.3", "CN", "2.5.4.5", "serialNumber");
    private static final int DIGITAL_SIGNATURE = 0, CERT_SIGN = 5, CRL_SIGN = 6; // bits of a key usage
    private static final Pattern STATEMENT = Pattern.compile("\\{\"type\":\"ankong\\.authenticate\\.v1\","
            + "\"purpose\":\"(login|identify)\",\"origin\":\"([a-z0-9:/.\\[\\]_-]{8,255})\","
            + "\"challenge\":\"([A-Za-z0-9_-]{43,86})\","
            + "\"time\":\"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\"\\}");
    private static final Pattern ORIGIN = Pattern.compile("(?:https://(?:[a-z0-9_-]+(?:\\.[a-z0-9_-]+)*|\\[[0-9a-f:.]+\\])"
            + "(?!:443$)|http://(?:(?:[a-z0-9_-]+\\.)*localhost|127\\.0\\.0\\.1|\\[::1\\])(?!:80$))(?::([1-9][0-9]{0,4}))?");

    private final List<X509Certificate> roots;
    private final List<X509Certificate> authorities;
    private final List<RevocationList> lists;
    private final List<String> origins;

    /**
     * Trusts what {@link #loadAuthority} and {@link #loadList} returned.
     *
     * @param origins what browsers call your site: no path, no default port
     * @throws IllegalArgumentException something is missing, or an origin is none
     * @throws NullPointerException something is null
     */
    public LoginVerifier(List<X509Certificate> roots, List<X509Certificate> cas, List<RevocationList> lists, List<String> origins) {
        this.roots = List.copyOf(roots);
        this.authorities = Stream.concat(roots.stream(), cas.stream()).toList();
        this.lists = List.copyOf(lists);
        this.origins = List.copyOf(origins);
        List.copyOf(cas);
        if (roots.isEmpty() || lists.isEmpty() || origins.isEmpty()) throw new IllegalArgumentException("no roots, no lists or no origins");
        for (String each : origins) {
            Matcher found = ORIGIN.matcher(each);
            boolean isOne = found.matches() && each.length() <= 255 && (found.group(1) == null || Integer.parseInt(found.group(1)) <= 65535);
            if (!isOne) throw new IllegalArgumentException("not an origin as browsers write it: " + each);
        }
    }

    /** Loads the DER certificate of an authority. */
    public static X509Certificate loadAuthority(byte[] der) throws GeneralSecurityException {
        String fault = checkCertificate(element(der));
        if (!fault.isEmpty()) throw new IllegalArgumentException(fault);
        X509Certificate found = certificate(der);
        boolean isAuthority = found.getBasicConstraints() >= 0 && has(found, CERT_SIGN) && isLongRsa(found.getPublicKey());
        if (!isAuthority) throw new IllegalArgumentException("not an authority with an RSA key of 2048 bits or more");
        return found;
    }

    /** Loads a complete DER list of any length, and checks that this authority signed it. */
    public static RevocationList loadList(byte[] der, X509Certificate issuer) throws GeneralSecurityException {
        checkList(der);
        X509CRL list = (X509CRL) CertificateFactory.getInstance("X.509").generateCRL(new ByteArrayInputStream(der));
        if (!Arrays.equals(list.getEncoded(), der)) throw new IllegalArgumentException("not one list in DER");
        boolean isWhole = list.getCriticalExtensionOIDs() == null || list.getCriticalExtensionOIDs().isEmpty();
        boolean isComplete = isWhole && list.getExtensionValue("2.5.29.27") == null && list.getExtensionValue("2.5.29.28") == null;
        if (!isComplete || list.getNextUpdate() == null) throw new IllegalArgumentException("not a complete list with the date of the next");
        boolean isOwn = isSame(list.getIssuerX500Principal(), issuer.getSubjectX500Principal()) && has(issuer, CRL_SIGN);
        if (!isOwn || !isSha2(list.getSigAlgName())) throw new IllegalArgumentException("not a list of this issuer");
        list.verify(issuer.getPublicKey());
        Set<BigInteger> serials = new HashSet<>();
        if (list.getRevokedCertificates() != null) list.getRevokedCertificates().forEach(each -> serials.add(each.getSerialNumber()));
        return new RevocationList(issuer, list.getThisUpdate(), list.getNextUpdate(), serials);
    }

    /**
     * Verifies a login.
     *
     * @param token DER: decode the page's base64 first
     * @param challenge the base64url text that was redeemed
     * @param purpose "login" or "identify"
     * @param now by your own clock
     * @throws VerificationException the token is refused: HTTP 400
     * @throws IllegalArgumentException challenge or purpose are none
     */
    public Login verify(byte[] token, String challenge, String purpose, Instant now) throws VerificationException {
        if (!challenge.matches("[A-Za-z0-9_-]{43,86}")) throw new IllegalArgumentException("a challenge is base64url of 32 to 64 octets");
        if (!purpose.equals("login") && !purpose.equals("identify")) throw new IllegalArgumentException("no such purpose");
        Opened opened = open(token);
        X509Certificate signer = opened.certificate;
        if (!has(signer, DIGITAL_SIGNATURE)) throw refused("wrong_key_usage", "not a certificate for signatures");
        if (!opened.fault.isEmpty()) throw refused("certificate_untrusted", opened.fault);
        checkPath(signer, Date.from(now));
        Matcher found = STATEMENT.matcher(new String(opened.content, StandardCharsets.ISO_8859_1));
        if (!found.matches()) throw refused("malformed", "not the statement of a login");
        if (!origins.contains(found.group(2))) throw refused("origin_mismatch", "made for " + found.group(2));
        boolean isAnswer = MessageDigest.isEqual(ascii(found.group(3)), ascii(challenge));
        if (!isAnswer) throw refused("challenge_mismatch", "made for another challenge");
        if (!found.group(1).equals(purpose)) throw refused("purpose_mismatch", "made to " + found.group(1));
        return new Login(holder(signer), found.group(2), purpose, found.group(4));
    }

    private record Opened(X509Certificate certificate, String fault, byte[] content) {}

    /** Checks 2, 3 and 4; whatever a reader stumbles over is a refusal. */
    private static Opened open(byte[] token) throws VerificationException {
        try {
            need(token != null && token.length > 0 && token.length <= MAX_TOKEN, "empty or too large");
            String fault = checkLogin(token);
            ASN1Primitive whole = ASN1Primitive.fromByteArray(token);
            need(Arrays.equals(whole.getEncoded("DER"), token), "not DER, or something follows");
            return openMessage(ASN1Sequence.getInstance(whole), fault);
        } catch (IOException | GeneralSecurityException | RuntimeException error) {
            throw refused("signature_invalid", error.toString());
        }
    }

    /** One element of DER: raw is all of it, parts what it is made of. */
    private record Element(int tag, byte[] raw, byte[] body, List<Element> parts) {
        String hex() {
            return HexFormat.of().formatHex(raw);
        }

        String tags() {
            return parts.stream().map(each -> String.format("%02x", each.tag)).collect(Collectors.joining());
        }

        /** Takes an element apart that has exactly these parts: two hexadecimal digits for each tag. */
        List<Element> take(String tags) {
            check(tags().equals(tags), "not of the form expected");
            return parts;
        }
    }

    private static void check(boolean condition, String detail) {
        if (!condition) throw new IllegalArgumentException(detail);
    }

    /** Reads elements of strict DER, to the bottom. */
    private static List<Element> elements(byte[] der, int depth) {
        check(depth <= 32, "nested too deep");
        List<Element> found = new ArrayList<>();
        for (Element each : split(der)) {
            int tag = each.tag;
            check((tag & 0x1f) != 0x1f && (tag >= 0x40 || UNIVERSAL.contains(tag)) && isStrict(tag, each.body), "contents that are no DER");
            List<Element> parts = (tag & 0x20) != 0 ? elements(each.body, depth + 1) : List.of();
            for (int index = 1; tag == 0x31 && index < parts.size(); index++) {
                check(Arrays.compareUnsigned(parts.get(index - 1).raw, parts.get(index).raw) <= 0, "a set in another order");
            }
            found.add(new Element(tag, each.raw, each.body, parts));
        }
        return found;
    }

    /** Reads elements, and not what they are made of. */
    private static List<Element> split(byte[] der) {
        List<Element> found = new ArrayList<>();
        for (int at = 0; at < der.length; ) {
            check(at + 1 < der.length, "cut short");
            int start = at + 2, length = der[at + 1] & 0xff;
            if (length >= 0x80) {
                int count = length & 0x7f;
                check(count >= 1 && count <= 4 && start + count <= der.length, "a length that is no DER");
                length = new BigInteger(1, der, start, count).intValue();
                check(length >= 0x80 && length >= 1 << (8 * (count - 1)), "a length that is not the shortest");
                start += count;
            }
            check(length <= der.length - start, "cut short");
            byte[] raw = Arrays.copyOfRange(der, at, start + length);
            found.add(new Element(der[at] & 0xff, raw, Arrays.copyOfRange(der, start, start + length), List.of()));
            at = start + length;
        }
        return found;
    }

    private static Element element(byte[] der) {
        List<Element> found = elements(der, 0);
        check(found.size() == 1, "not one element");
        return found.get(0);
    }

    /** Whether contents are as DER and their type want them. */
    private static boolean isStrict(int tag, byte[] body) {
        int size = body.length;
        String text = new String(body, StandardCharsets.ISO_8859_1);
        return switch (tag) {
            case 0x01 -> size == 1 && (body[0] == 0 || body[0] == -1);
            case 0x02, 0x0a -> size == 1 || (size > 1 && !(body[0] == 0 && body[1] >= 0) && !(body[0] == -1 && body[1] < 0));
            case 0x03 -> size == 1 ? body[0] == 0 : size > 1 && (body[0] & 0xff) <= 7 && (body[size - 1] & ((1 << body[0]) - 1)) == 0;
            case 0x05 -> size == 0;
            case 0x06 -> size > 0 && body[size - 1] >= 0 && IntStream.range(0, size).noneMatch(at -> body[at] == -128 && (at == 0 || body[at - 1] >= 0));
            case 0x0c -> Arrays.equals(new String(body, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8), body);
            case 0x13 -> PRINTABLE.matcher(text).matches();
            case 0x14, 0x16, 0x1a -> text.chars().allMatch(each -> each < 0x80);
            case 0x1e -> size % 2 == 0 && IntStream.range(0, size / 2).noneMatch(at -> (body[2 * at] & 0xf8) == 0xd8);
            default -> true;
        };
    }

    /** Refuses a login of another form than the agent's; returns why its certificate is not to be trusted, or nothing. */
    private static String checkLogin(byte[] token) {
        List<Element> whole = element(token).take("06a0"), data = whole.get(1).take("30").get(0).take("023130a031");
        List<Element> signer = data.get(4).take("30").get(0).take("023030a03004");
        check(data.get(1).take("30").get(0).hex().equals(signer.get(2).hex()), "another digest algorithm is declared");
        check(IDENTIFIERS.contains(signer.get(2).hex()) && IDENTIFIERS.contains(signer.get(4).hex()), "an algorithm that no login has");
        data.get(2).take("06a0").get(1).take("04");
        Element certificate = data.get(3).take("30").get(0);
        byte[] before = {};
        for (Element each : signer.get(3).parts) {
            each.take("0631");
            check(each.tag == 0x30 && Arrays.compareUnsigned(before, each.raw) < 0, "attributes that are not in the order of DER");
            before = each.raw;
        }
        String fault = checkCertificate(certificate);
        return CERTIFIED_WITH.contains(certificate.parts.get(1).hex()) ? fault : "not signed with SHA-2 and RSA";
    }

    /** Refuses a certificate of another form than RFC 5280 §4.1, and says what is not understood in it. */
    private static String checkCertificate(Element whole) {
        List<Element> outer = whole.take("303003"), fields = outer.get(0).take("a0023030303030a3");
        List<Element> dates = fields.get(4).parts;
        byte[] serial = fields.get(1).body;
        check(fields.get(0).hex().equals("a003020102") && fields.get(2).hex().equals(outer.get(1).hex()), "a certificate of another form");
        check(serial.length <= 21 && serial[0] >= 0 && outer.get(2).body[0] == 0 && dates.size() == 2, "a certificate of another form");
        check(dates.stream().allMatch(each -> each.tag == 0x17 || each.hex().compareTo("180f32303530") >= 0), "a date in the form of later ones");
        check(!moment(dates.get(1)).isBefore(moment(dates.get(0))), "it ends before it begins");
        checkName(fields.get(3));
        checkName(fields.get(5));
        List<Element> key = fields.get(6).take("3003");
        check(key.get(0).hex().equals(IDENTIFIERS.get(0)) && key.get(1).body[0] == 0, "not an RSA key");
        Element numbers = element(Arrays.copyOfRange(key.get(1).body, 1, key.get(1).body.length));
        check(numbers.tag == 0x30 && numbers.take("0202").get(0).body[0] >= 0, "not an RSA key");
        return checkExtensions(fields.get(7), UNDERSTOOD);
    }

    /** Refuses extensions of another form, and says what is not understood in them. */
    private static String checkExtensions(Element tagged, Set<String> understood) {
        String fault = "";
        Set<String> seen = new HashSet<>();
        for (Element each : tagged.take("30").get(0).parts) {
            boolean isCritical = each.parts.size() == 3;
            List<Element> parts = each.take(isCritical ? "060104" : "0604");
            String kind = parts.get(0).hex();
            check(!isCritical || parts.get(1).body[0] == -1, "FALSE, which goes without saying");
            check(each.tag == 0x30 && seen.add(kind) && isShort(parts.get(0)) && isExtension(kind, element(parts.get(parts.size() - 1).body)), "an extension of another form, or twice");
            if (LIMITING.contains(kind) || isCritical && !understood.contains(kind)) fault = "an extension that is not understood";
        }
        return fault;
    }

    /** Refuses a list of another form than RFC 5280 §5.1; of its entries only the numbers are looked at. */
    private static void checkList(byte[] der) {
        List<Element> whole = split(der);
        check(whole.size() == 1 && whole.get(0).tag == 0x30, "not one list");
        List<Element> outer = split(whole.get(0).body);
        check(outer.size() == 3 && IDENTIFIERS.contains(outer.get(1).hex()), "not a list, or not by RSA");
        List<Element> fields = split(outer.get(0).body);
        String tags = new Element(0, der, der, fields).tags();
        check(outer.get(0).tag == 0x30 && outer.get(2).tag == 0x03 && tags.matches("023030(17|18){2}(30)?(a0)?"), "a list of another form");
        check(fields.get(0).hex().equals("020101") && fields.get(1).hex().equals(outer.get(1).hex()), "a list of another form");
        check(!moment(fields.get(4)).isBefore(moment(fields.get(3))), "it ends before it begins");
        for (Element each : fields.subList(5, fields.size())) {
            if (each.tag == 0xa0) check(checkExtensions(element(each.raw), Set.of()).isEmpty(), "a list that is not complete");
            else for (Element entry : split(each.body)) {
                List<Element> parts = split(entry.body);
                check(entry.tag == 0x30 && parts.size() >= 2 && parts.get(0).tag == 0x02 && isStrict(0x02, parts.get(0).body), "an entry without a number");
            }
        }
    }

    /** Reads a moment of the calendar. */
    private static LocalDateTime moment(Element time) {
        String text = new String(time.body, StandardCharsets.ISO_8859_1);
        boolean isShort = time.tag == 0x17;
        check(isShort ? text.matches("[0-9]{12}Z") : time.tag == 0x18 && text.matches("[0-9]{14}Z") && text.compareTo("0001") >= 0, "no date");
        String digits = isShort ? (text.compareTo("5") < 0 ? "20" : "19") + text : text;
        String written = digits.replaceFirst("(....)(..)(..)(..)(..)(..)Z", "$1-$2-$3T$4:$5:$6");
        try {
            return LocalDateTime.parse(written); // which knows the calendar
        } catch (DateTimeException error) {
            throw new IllegalArgumentException("a date outside the calendar", error);
        }
    }

    /** Refuses a name of other things than texts. */
    private static void checkName(Element name) {
        check(!name.parts.isEmpty(), "nobody's name");
        for (Element relative : name.parts) {
            check(relative.tag == 0x31 && !relative.parts.isEmpty(), "a name of another form");
            for (Element pair : relative.parts) {
                check(pair.tag == 0x30 && pair.tags().matches("06(0c|13|14|16|1e)") && isShort(pair.parts.get(0)), "a name of another form");
            }
        }
    }

    /** Whether each number of an identifier is less than 2^28, which everybody can hold. */
    private static boolean isShort(Element identifier) {
        return !HUGE.matcher(new String(identifier.body, StandardCharsets.ISO_8859_1)).find();
    }

    /** Whether a general name can be read: texts are ASCII, addresses of four octets or sixteen. */
    private static boolean isOtherName(Element name) {
        return switch (name.tag) {
            case 0x81, 0x82, 0x86 -> isStrict(0x16, name.body);
            case 0x87 -> name.body.length == 4 || name.body.length == 16;
            default -> name.tag == 0xa0 || name.tag == 0xa4 || name.tag == 0x88;
        };
    }

    /** Whether an extension's value is of the form that RFC 5280 §4.2.1 gives it. */
    private static boolean isExtension(String kind, Element value) {
        byte[] body = value.body;
        String tags = value.tags();
        return switch (kind) {
            case "0603551d0f" -> value.tag == 0x03 && body.length == 2 && (body[1] >> body[0] & 1) == 1;
            case "0603551d13" -> value.tag == 0x30 && (tags.isEmpty() || value.parts.get(0).hex().equals("0101ff")
                    && (tags.equals("01") || tags.equals("0102") && value.parts.get(1).body.length == 1 && value.parts.get(1).body[0] >= 0));
            case "0603551d23" -> value.tag == 0x30 && tags.matches("80(a182)?") && value.parts.get(0).body.length > 0;
            case "0603551d0e" -> value.tag == 0x04;
            case "0603551d25" -> value.tag == 0x30 && tags.matches("(06)+");
            case "0603551d11" -> value.tag == 0x30 && value.parts.stream().allMatch(LoginVerifier::isOtherName);
            case "0603551d09" -> value.tag == 0x30 && value.parts.stream().allMatch(each -> each.tag == 0x30 && each.tags().equals("0631"));
            default -> true;
        };
    }

    private static Opened openMessage(ASN1Sequence whole, String fault) throws VerificationException, IOException, GeneralSecurityException {
        need(whole.size() == 2 && isOid(whole.getObjectAt(0), "1.2.840.113549.1.7.2"), "not a SignedData");
        ASN1Sequence data = ASN1Sequence.getInstance(explicit(whole.getObjectAt(1)));
        need(data.size() == 5, "a SignedData of another form");
        ASN1Sequence content = ASN1Sequence.getInstance(data.getObjectAt(2));
        ASN1Set signers = ASN1Set.getInstance(data.getObjectAt(4)), digests = ASN1Set.getInstance(data.getObjectAt(1));
        need(content.size() == 2 && signers.size() == 1 && digests.size() == 1, "not one signer of attached content");
        byte[] octets = ASN1OctetString.getInstance(explicit(content.getObjectAt(1))).getOctets();
        ASN1Sequence signer = ASN1Sequence.getInstance(signers.getObjectAt(0));
        need(signer.size() == 6 && isEncoded(signer.getObjectAt(0), new byte[] {2, 1, 1}), "without signed attributes, or of another form");
        ASN1Set attributes = ASN1Set.getInstance(tagged(signer.getObjectAt(3)), false);
        String hash = DIGESTS.get(algorithm(signer.getObjectAt(2)));
        need(hash != null && digests.getObjectAt(0).equals(signer.getObjectAt(2)), "not SHA-2, or another one is declared");
        String used = algorithm(signer.getObjectAt(4));
        need(used.equals("1.2.840.113549.1.1.1") || used.equals(WITH_RSA.get(hash)), "not PKCS #1 v1.5 with that hash");
        Map<String, ASN1Encodable> stated = read(attributes);
        boolean isLogin = isEncoded(content.getObjectAt(0), LOGIN) && isEncoded(stated.get(CONTENT_TYPE), LOGIN);
        if (!isLogin) throw refused("wrong_content_type", content.getObjectAt(0).toString());
        need(ATTRIBUTES.containsAll(stated.keySet()), "an attribute that no login has");
        need(isEncoded(data.getObjectAt(0), new byte[] {2, 1, 3}), "a version that does not go with the content type");
        X509Certificate certificate = signer(tagged(data.getObjectAt(3)), signer.getObjectAt(1));
        need(isDigest(stated.get(MESSAGE_DIGEST), hash, octets), "the content is not what was signed");
        need(isLongRsa(certificate.getPublicKey()), "not an RSA key of 2048 bits or more");
        RSAPublicKey key = (RSAPublicKey) certificate.getPublicKey();
        byte[] signature = ASN1OctetString.getInstance(signer.getObjectAt(5)).getOctets();
        need(isSignature(key, hash, attributes.getEncoded("DER"), signature), "the signature does not fit");
        if (stated.containsKey(SIGNING_CERTIFICATE)) need(isBound(stated.get(SIGNING_CERTIFICATE), certificate), "another certificate was signed");
        return new Opened(certificate, fault, octets);
    }

    private static ASN1Encodable explicit(ASN1Encodable value) {
        return tagged(value).getExplicitBaseObject();
    }

    /** The tag [0] of the context; BouncyCastle takes that of any other class for it. */
    private static ASN1TaggedObject tagged(ASN1Encodable value) {
        ASN1TaggedObject found = ASN1TaggedObject.getInstance(value);
        if (!found.hasContextTag(0)) throw new IllegalArgumentException("another tag");
        return found;
    }

    /** Returns the one certificate that has this issuer and serial number. */
    private static X509Certificate signer(ASN1TaggedObject bag, ASN1Encodable named) throws VerificationException, IOException, GeneralSecurityException {
        List<byte[]> found = new ArrayList<>();
        for (ASN1Encodable each : ASN1Set.getInstance(bag, false)) {
            ASN1Sequence body = ASN1Sequence.getInstance(ASN1Sequence.getInstance(each).getObjectAt(0));
            ASN1Sequence names = ASN1Sequence.getInstance(named);
            boolean isNamed = names.size() == 2 && body.getObjectAt(3).equals(names.getObjectAt(0)) && body.getObjectAt(1).equals(names.getObjectAt(1));
            if (isNamed) found.add(each.toASN1Primitive().getEncoded("DER"));
        }
        need(found.size() == 1, "the signer's certificate is not there");
        return certificate(found.get(0));
    }

    /** Maps each attribute to its one value. */
    private static Map<String, ASN1Encodable> read(ASN1Set attributes) throws VerificationException {
        Map<String, ASN1Encodable> found = new HashMap<>();
        need(attributes.size() > 0, "no signed attributes");
        for (ASN1Encodable each : attributes) {
            ASN1Sequence pair = ASN1Sequence.getInstance(each);
            ASN1Set values = ASN1Set.getInstance(pair.getObjectAt(1));
            String type = ASN1ObjectIdentifier.getInstance(pair.getObjectAt(0)).getId();
            need(pair.size() == 2 && values.size() == 1, "an attribute without its one value");
            need(found.put(type, values.getObjectAt(0)) == null, "an attribute twice");
        }
        return found;
    }

    /** The algorithm, with NULL or without parameters (RFC 5754 §2). */
    private static String algorithm(ASN1Encodable value) {
        AlgorithmIdentifier found = AlgorithmIdentifier.getInstance(value);
        boolean isPlain = found.getParameters() == null || found.getParameters().equals(DERNull.INSTANCE);
        return isPlain ? found.getAlgorithm().getId() : "";
    }

    /** Every AlgorithmIdentifier of a login, with NULL and without (RFC 5754 §2). */
    private static List<String> identifiers() {
        Stream<String> names = Stream.concat(Stream.of("1", "b", "c", "d").map(each -> "06092a864886f70d01010" + each),
                Stream.of("1", "2", "3").map(each -> "060960864801650304020" + each));
        return names.flatMap(each -> Stream.of("300d" + each + "0500", "300b" + each)).toList();
    }

    private static boolean isOid(ASN1Encodable value, String oid) {
        return value instanceof ASN1ObjectIdentifier found && found.getId().equals(oid);
    }

    private static boolean isEncoded(ASN1Encodable value, byte[] octets) throws IOException {
        return value != null && Arrays.equals(value.toASN1Primitive().getEncoded("DER"), octets);
    }

    /** RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2) to the octet; the JDK's own takes a DigestInfo without NULL. */
    private static boolean isSignature(RSAPublicKey key, String hash, byte[] octets, byte[] signature) throws GeneralSecurityException {
        int size = (key.getModulus().bitLength() + 7) / 8;
        byte[] info = HexFormat.of().parseHex(DIGEST_INFOS.get(hash)), digest = MessageDigest.getInstance(hash).digest(octets);
        BigInteger number = new BigInteger(1, signature);
        if (signature.length != size || number.compareTo(key.getModulus()) >= 0) return false;
        byte[] expected = new byte[size];
        Arrays.fill(expected, (byte) 0xff);
        expected[0] = 0;
        expected[1] = 1;
        expected[size - digest.length - info.length - 1] = 0;
        System.arraycopy(info, 0, expected, size - digest.length - info.length, info.length);
        System.arraycopy(digest, 0, expected, size - digest.length, digest.length);
        return number.modPow(key.getPublicExponent(), key.getModulus()).equals(new BigInteger(expected));
    }

    private static boolean isDigest(ASN1Encodable value, String hash, byte[] octets) throws GeneralSecurityException {
        byte[] digest = MessageDigest.getInstance(hash).digest(octets);
        return value instanceof ASN1OctetString found && Arrays.equals(found.getOctets(), digest);
    }

    /** signing-certificate-v2 (RFC 5035 §4): it was this certificate. */
    private static boolean isBound(ASN1Encodable value, X509Certificate certificate) throws IOException, GeneralSecurityException {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
        return isEncoded(value, HexFormat.of().parseHex("3026302430220420" + HexFormat.of().formatHex(digest)));
    }

    /** Check 6: a path, the dates, and the revocation of all below the root. */
    private void checkPath(X509Certificate signer, Date now) throws VerificationException {
        String fault = "certificate_untrusted";
        for (List<X509Certificate> path : paths(List.of(signer), now)) {
            if (now.after(signer.getNotAfter())) fault = "certificate_expired";
            else if (now.before(signer.getNotBefore())) fault = "certificate_not_yet_valid";
            else fault = faultOf(path, now);
            if (fault.isEmpty()) return;
        }
        throw refused(fault, "the path");
    }

    /** Every path to a root by name and signature, the signer first. */
    private List<List<X509Certificate>> paths(List<X509Certificate> below, Date now) {
        List<List<X509Certificate>> found = new ArrayList<>();
        X509Certificate last = below.get(below.size() - 1);
        for (X509Certificate issuer : below.size() > 5 ? List.<X509Certificate>of() : authorities) {
            boolean isDated = !now.before(issuer.getNotBefore()) && !now.after(issuer.getNotAfter());
            boolean isNew = below.stream().skip(1).noneMatch(each -> isSame(each.getSubjectX500Principal(), issuer.getSubjectX500Principal()));
            if (!isDated || !isNew || !isSha2(last.getSigAlgName()) || !isIssued(last, issuer)) continue;
            if (roots.contains(issuer) && issuer.getBasicConstraints() < below.size() - 1) continue; // the JDK does not look
            List<X509Certificate> path = Stream.concat(below.stream(), Stream.of(issuer)).toList();
            if (roots.contains(issuer)) found.add(path);
            else found.addAll(paths(path, now));
        }
        return found;
    }

    /** Whether two names are the same to the octet; equals takes those that differ in case or spaces for one. */
    private static boolean isSame(X500Principal one, X500Principal other) {
        return Arrays.equals(one.getEncoded(), other.getEncoded());
    }

    /** The identifier of the key of whoever issued a certificate, or of its own; null where it says none. */
    private static byte[] keyIdentifier(X509Certificate certificate, String extension) {
        byte[] found = certificate.getExtensionValue(extension);
        if (found == null) return null;
        Element value = element(element(found).body);
        return extension.equals("2.5.29.35") ? value.parts.get(0).body : value.body;
    }

    private static boolean isIssued(X509Certificate certificate, X509Certificate issuer) {
        if (!isSame(certificate.getIssuerX500Principal(), issuer.getSubjectX500Principal())) return false;
        byte[] stated = keyIdentifier(certificate, "2.5.29.35"), own = keyIdentifier(issuer, "2.5.29.14");
        if (stated != null && own != null && !Arrays.equals(stated, own)) return false;
        try {
            certificate.verify(issuer.getPublicKey());
            return true;
        } catch (GeneralSecurityException | RuntimeException error) {
            return false;
        }
    }

    private String faultOf(List<X509Certificate> path, Date now) {
        try {
            X509Certificate root = path.get(path.size() - 1);
            PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
            parameters.setRevocationEnabled(false); // below, by lists that were read once
            parameters.setDate(now);
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(path.subList(0, path.size() - 1)), parameters);
        } catch (CertPathValidatorException error) {
            return "certificate_untrusted";
        } catch (GeneralSecurityException | RuntimeException error) {
            return "certificate_untrusted";
        }
        for (int index = 0; index + 1 < path.size(); index++) {
            X509Certificate issuer = path.get(index + 1); // one name has many keys, and each its own list
            List<RevocationList> fresh = lists.stream()
                    .filter(list -> list.issuer.getPublicKey().equals(issuer.getPublicKey()) && isSame(list.issuer.getSubjectX500Principal(), issuer.getSubjectX500Principal()))
                    .filter(list -> !now.before(list.begin) && !now.after(list.end)).toList();
            Date newest = fresh.stream().map(RevocationList::begin).max(Comparator.naturalOrder()).orElse(null);
            if (newest == null) return "revocation_unknown";
            BigInteger serial = path.get(index).getSerialNumber(); // of several lists of one moment each can revoke
            if (fresh.stream().anyMatch(list -> list.begin.equals(newest) && list.serials.contains(serial))) return "certificate_revoked";
        }
        return "";
    }

    /** The profile of citizens' certificates. */
    private static Holder holder(X509Certificate certificate) throws VerificationException {
        try {
            RDN[] subject = X500Name.getInstance(certificate.getSubjectX500Principal().getEncoded()).getRDNs();
            List<String> serials = values(subject, "2.5.4.5"), names = values(subject, "2.5.4.3");
            boolean isCitizen = certificate.getBasicConstraints() < 0 && serials.size() == 1 && serials.get(0).matches("[0-9]{16}");
            if (!isCitizen) throw refused("profile_mismatch", "not the certificate of a citizen");
            String issuer = nameText(X500Name.getInstance(certificate.getIssuerX500Principal().getEncoded()).getRDNs());
            return new Holder(names.isEmpty() ? null : names.get(0), idLast4(certificate), serials.get(0), issuer);
        } catch (IOException | RuntimeException error) {
            throw refused("profile_mismatch", error.toString());
        }
    }

    private static List<String> values(RDN[] name, String type) {
        return Arrays.stream(name).flatMap(each -> Arrays.stream(each.getTypesAndValues()))
                .filter(each -> each.getType().getId().equals(type)).map(each -> text(each.getValue())).toList();
    }

    private static String text(ASN1Encodable value) {
        return value instanceof ASN1String found ? found.getString() : value.toString();
    }

    /** A name in its own order, C=TW,O=...; of your authorities' names alone. */
    private static String nameText(RDN[] name) {
        List<String> found = new ArrayList<>();
        for (RDN relative : name) {
            List<String> pairs = new ArrayList<>();
            for (AttributeTypeAndValue each : relative.getTypesAndValues()) {
                pairs.add(NAMES.getOrDefault(each.getType().getId(), each.getType().getId()) + "=" + text(each.getValue()));
            }
            found.add(String.join("+", pairs));
        }
        return String.join(",", found);
    }

    /** The last four characters of the ID number, or null where they are not stated once. */
    private static String idLast4(X509Certificate certificate) throws IOException {
        byte[] extension = certificate.getExtensionValue("2.5.29.9");
        List<String> found = new ArrayList<>();
        if (extension == null) return null;
        for (ASN1Encodable each : ASN1Sequence.getInstance(ASN1OctetString.getInstance(extension).getOctets())) {
            ASN1Sequence pair = ASN1Sequence.getInstance(each);
            if (!isOid(pair.getObjectAt(0), "2.16.886.1.100.2.51")) continue;
            for (ASN1Encodable value : ASN1Set.getInstance(pair.getObjectAt(1))) found.add(text(value));
        }
        return found.size() == 1 && found.get(0).matches("[A-Za-z0-9]{4}") ? found.get(0) : null;
    }

    private static X509Certificate certificate(byte[] der) throws GeneralSecurityException {
        X509Certificate found = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
        if (!Arrays.equals(found.getEncoded(), der)) throw new IllegalArgumentException("not one certificate in DER");
        return found;
    }

    private static boolean has(X509Certificate certificate, int bit) {
        boolean[] usage = certificate.getKeyUsage();
        return usage != null && usage.length > bit && usage[bit];
    }

    private static boolean isLongRsa(PublicKey key) {
        return key instanceof RSAPublicKey rsa && key.getAlgorithm().equals("RSA") && isSafe(rsa.getModulus(), rsa.getPublicExponent());
    }

    /** Whether a key is of 2048 bits or more, is not too slow, and is not one by which anybody signs. */
    private static boolean isSafe(BigInteger modulus, BigInteger exponent) {
        boolean isLong = modulus.bitLength() >= 2048 && modulus.bitLength() <= 8192 && modulus.testBit(0);
        return isLong && exponent.bitLength() >= 2 && exponent.bitLength() <= 31 && exponent.testBit(0);
    }

    private static boolean isSha2(String algorithm) {
        return algorithm.matches("SHA(256|384|512)withRSA");
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static void need(boolean condition, String detail) throws VerificationException {
        if (!condition) throw refused("signature_invalid", detail);
    }

    private static VerificationException refused(String code, String detail) {
        return new VerificationException(code, detail);
    }
}
