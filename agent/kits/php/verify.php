<?php
/**
 * Verify a login that the Ankong agent made: one file, PHP 8.2 and its openssl extension.
 *
 * Load authorities and lists, then call verifyLogin with the token, after your session's challenge
 * was used up. What is wrong with your own settings is an InvalidArgumentException; a token that is
 * refused is a VerificationError. Nothing is ever accepted because something was missing.
 */

declare(strict_types=1);

namespace Ankong;

/** The token is refused: tell the page the code, and your log the message. */
final class VerificationError extends \Exception
{
    public function __construct(public readonly string $reason, string $detail)
    {
        parent::__construct("$reason: $detail");
    }
}

const MAX_TOKEN = 64 * 1024; // octets
const LOGIN = "\x06\x13\x69\xc7\xe9\x88\x8f\xdf\xab\xaa\x87\x89\x9c\xc0\xa8\xe7\xe8\xe8\xb9\xd1\x36"; // compared as octets
const SIGNED_DATA = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const CONTENT_TYPE = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
const MESSAGE_DIGEST = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
const SIGNING_CERTIFICATE = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f";
const ATTRIBUTES = [CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE];
const RSA = ["\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", "\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"];
const DIGESTS = ["\x01" => 'sha256', "\x02" => 'sha384', "\x03" => 'sha512']; // by the last octet of the identifier
const SIGNATURES = ["\x0b" => 'sha256', "\x0c" => 'sha384', "\x0d" => 'sha512'];
const COMMON_NAME = "\x06\x03\x55\x04\x03";
const SERIAL_NUMBER = "\x06\x03\x55\x04\x05";
const ID_LAST4 = "\x06\x07\x60\x86\x76\x01\x64\x02\x33";
const NAMES = ["\x06\x03\x55\x04\x06" => 'C', "\x06\x03\x55\x04\x0a" => 'O', "\x06\x03\x55\x04\x0b" => 'OU', COMMON_NAME => 'CN', SERIAL_NUMBER => 'serialNumber'];
const KEY_USAGE = "\x06\x03\x55\x1d\x0f";
const BASIC_CONSTRAINTS = "\x06\x03\x55\x1d\x13";
const DIRECTORY = "\x06\x03\x55\x1d\x09";
const AUTHORITY_KEY = "\x06\x03\x55\x1d\x23";
const SUBJECT_KEY = "\x06\x03\x55\x1d\x0e";
const NAME_STRINGS = [0x0c, 0x13, 0x14, 0x16, 0x1e];
const UNIVERSAL = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1e, 0x30, 0x31];
const UNDERSTOOD = [KEY_USAGE, BASIC_CONSTRAINTS, "\x06\x03\x55\x1d\x20", "\x06\x03\x55\x1d\x11"]; // policies, other names
const LIMITING = ["\x06\x03\x55\x1d\x1e", "\x06\x03\x55\x1d\x24", "\x06\x03\x55\x1d\x1b", "\x06\x03\x55\x1d\x1c"]; // constraints on names, on policies; delta lists and parts of lists
const PURPOSES = "\x06\x03\x55\x1d\x25";
const OTHER_NAMES = "\x06\x03\x55\x1d\x11";
const HUGE = '/[\x80-\xff]{4}/'; // a number of an identifier beyond 2^28, which not everybody can hold
const DIGITAL_SIGNATURE = 0x80, CERT_SIGN = 0x04, CRL_SIGN = 0x02; // the first octet of a key usage
const STATEMENT = '/^\{"type":"ankong\.authenticate\.v1","purpose":"(login|identify)","origin":"([a-z0-9:\/.\[\]_-]{8,255})","challenge":"([A-Za-z0-9_-]{43,86})","time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"\}$/D';
const ORIGIN = '~^(?:https://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?!:443$)|http://(?:(?:[a-z0-9_-]+\.)*localhost|127\.0\.0\.1|\[::1\])(?!:80$))(?::([1-9][0-9]{0,4}))?$~D';

/** One element of DER: `raw` is all of it, `parts` what it is made of. */
final class Element
{
    /** @param list<Element> $parts */
    public function __construct(
        public readonly int $tag,
        public readonly string $raw,
        public readonly string $body,
        public readonly array $parts,
    ) {
    }
}

function refuse(string $code, string $detail): never
{
    throw new VerificationError($code, $detail);
}

function need(mixed $condition, string $detail): void
{
    $condition || refuse('signature_invalid', $detail);
}

/** Read one header of DER: its tag, and where its contents begin and end. */
function header(string $octets, int $at, int $limit): array
{
    $start = $at + 2;
    need($start <= $limit, 'cut short');
    $length = \ord($octets[$at + 1]);
    if ($length >= 0x80) {
        $count = $length & 0x7f;
        need($count >= 1 && $count <= 4 && $start + $count <= $limit, 'a length that is no DER');
        $length = (int) hexdec(bin2hex(substr($octets, $start, $count)));
        need($length >= 0x80 && $length >= 1 << (8 * ($count - 1)), 'a length that is not the shortest');
        $start += $count;
    }
    need($start + $length <= $limit, 'cut short');
    return [\ord($octets[$at]), $start, $start + $length];
}

/** Read elements of strict DER, to the bottom. @return list<Element> */
function read(string $octets, int $depth = 0): array
{
    need($depth <= 32, 'nested too deep');
    $found = [];
    for ($at = 0, $limit = \strlen($octets); $at < $limit; $at = $end) {
        [$tag, $start, $end] = header($octets, $at, $limit);
        $body = substr($octets, $start, $end - $start);
        need(($tag & 0x1f) !== 0x1f && ($tag >= 0x40 || \in_array($tag, UNIVERSAL, true)), 'a tag that has no place here');
        need(isStrict($tag, $body), 'contents that are no DER');
        $parts = $tag & 0x20 ? read($body, $depth + 1) : [];
        for ($index = 1; $tag === 0x31 && $index < \count($parts); $index++) {
            need(strcmp($parts[$index - 1]->raw, $parts[$index]->raw) <= 0, 'a set in another order');
        }
        $found[] = new Element($tag, substr($octets, $at, $end - $at), $body, $parts);
    }
    return $found;
}

/** Whether contents are as DER and their type want them. */
function isStrict(int $tag, string $body): bool
{
    return match ($tag) {
        0x01 => $body === "\x00" || $body === "\xff",
        0x02, 0x0a => preg_match('/^(?!\x00[\x00-\x7f]|\xff[\x80-\xff])./s', $body) === 1,
        0x03 => $body === "\x00" || (\strlen($body) > 1 && $body[0] <= "\x07" && (\ord($body[-1]) & ((1 << \ord($body[0])) - 1)) === 0),
        0x05 => $body === '',
        0x06 => preg_match('/^(?:[\x00-\x7f]|[\x81-\xff][\x80-\xff]*+[\x00-\x7f])+$/D', $body) === 1,
        0x0c => preg_match('//u', $body) === 1,
        0x13 => preg_match("~^[A-Za-z0-9 '()+,./:=?-]*$~D", $body) === 1,
        0x14, 0x16, 0x1a => preg_match('/^[\x00-\x7f]*$/D', $body) === 1,
        0x1e => preg_match('/^(?:[^\xd8-\xdf].)*$/sD', $body) === 1,
        default => true,
    };
}

/** Take an element apart that has exactly these parts. @return list<Element> */
function take(?Element $element, int ...$tags): array
{
    $parts = $element?->parts ?? [];
    need(array_map(fn (Element $part) => $part->tag, $parts) === $tags, 'not of the form expected');
    return $parts;
}

/** Read what is one element and nothing else. */
function readOne(string $octets): Element
{
    return take(new Element(0, $octets, $octets, read($octets)), 0x30)[0];
}

/** The hash that an AlgorithmIdentifier names, with NULL or without (RFC 5754 §2). */
function hashOf(string $identifier, string $arcs, array $names): ?string
{
    $short = str_ends_with($identifier, "\x05\x00") && $identifier[1] === "\x0d" ? substr($identifier, 0, -2) : $identifier;
    $isKnown = $short !== '' && substr($short, 2, -1) === $arcs && \ord($identifier[1]) === \strlen($identifier) - 2;
    return $isKnown ? $names[substr($short, -1)] ?? null : null;
}

function digestOf(string $identifier): ?string
{
    return hashOf($identifier, "\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02", DIGESTS);
}

function signatureHash(string $identifier): ?string
{
    return hashOf($identifier, "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01", SIGNATURES);
}

/** A time as 14 digits, which compare as text. */
function moment(Element $time): string
{
    need(preg_match($time->tag === 0x17 ? '/^[0-9]{12}Z$/D' : '/^[0-9]{14}Z$/D', $time->body) && \in_array($time->tag, [0x17, 0x18], true), 'no date');
    $digits = ($time->tag === 0x18 ? '' : ($time->body < '5' ? '20' : '19')) . substr($time->body, 0, -1);
    [$year, $month, $day, $hour, $minute, $second] = sscanf($digits, '%4d%2d%2d%2d%2d%2d');
    need(checkdate($month, $day, $year) && $hour < 24 && $minute < 60 && $second < 60, 'a date outside the calendar');
    return $digits;
}

/** Map an extension's type to its value, and say what is not understood. @return array{array<string, ?Element>, string} */
function readExtensions(?Element $extensions, array $understood): array
{
    $found = [];
    $fault = '';
    foreach ($extensions ? take($extensions, 0x30)[0]->parts : [] as $each) {
        $isCritical = \count($each->parts) === 3;
        $parts = $isCritical ? take($each, 0x06, 0x01, 0x04) : take($each, 0x06, 0x04);
        $type = $parts[0]->raw;
        need(!$isCritical || $parts[1]->body === "\xff", 'FALSE, which goes without saying');
        need($each->tag === 0x30 && !\array_key_exists($type, $found) && !preg_match(HUGE, $type), 'two extensions of one kind, or one of a huge number');
        if (\in_array($type, LIMITING, true) || ($isCritical && !\in_array($type, $understood, true))) {
            $fault = 'extension ' . bin2hex($type) . ' is not understood';
        }
        $values = read(end($parts)->body);
        need(\count($values) === 1 && isExtension($type, $values[0]), 'an extension of another form');
        $found[$type] = $values[0];
    }
    return [$found, $fault];
}

/** Whether an extension's value is of the form that RFC 5280 §4.2.1 gives it. */
function isExtension(string $type, Element $value): bool
{
    $tags = array_map(fn (Element $part) => $part->tag, $value->parts);
    $body = $value->body;
    if ($type === KEY_USAGE) {
        return $value->tag === 0x03 && \strlen($body) === 2 && (\ord($body[1]) >> \ord($body[0]) & 1) === 1;
    }
    if ($type === SUBJECT_KEY) {
        return $value->tag === 0x04;
    }
    if ($type === PURPOSES) {
        return $value->tag === 0x30 && array_unique($tags) === [0x06];
    }
    if ($type === OTHER_NAMES) { // texts are ASCII, addresses of four octets or sixteen
        $isName = fn (Element $each) => match ($each->tag) {
            0x81, 0x82, 0x86 => preg_match('/^[\x00-\x7f]*$/D', $each->body) === 1,
            0x87 => \in_array(\strlen($each->body), [4, 16], true),
            default => \in_array($each->tag, [0xa0, 0xa4, 0x88], true),
        };
        return $value->tag === 0x30 && array_filter($value->parts, $isName) === $value->parts;
    }
    if ($type === AUTHORITY_KEY) {
        return $value->tag === 0x30 && ($value->parts[0]->body ?? '') !== '' && \in_array($tags, [[0x80], [0x80, 0xa1, 0x82]], true);
    }
    if ($type === BASIC_CONSTRAINTS) {
        $isLength = $tags === [0x01] || ($tags === [0x01, 0x02] && preg_match('/^[\x00-\x7f]$/D', $value->parts[1]->body));
        return $value->tag === 0x30 && ($tags === [] || ($isLength && $value->parts[0]->body === "\xff"));
    }
    $isAttribute = fn (Element $each) => $each->tag === 0x30 && array_map(fn (Element $part) => $part->tag, $each->parts) === [0x06, 0x31];
    return $type !== DIRECTORY || ($value->tag === 0x30 && array_filter($value->parts, $isAttribute) === $value->parts);
}

/** Refuse a name of other things than texts. */
function checkName(Element $name): void
{
    need($name->parts !== [], "nobody's name");
    foreach ($name->parts as $each) {
        need($each->tag === 0x31 && $each->parts !== [], 'a name of another form');
        foreach ($each->parts as $pair) {
            $isPair = $pair->tag === 0x30 && \count($pair->parts) === 2 && $pair->parts[0]->tag === 0x06;
            need($isPair && !preg_match(HUGE, $pair->parts[0]->body) && \in_array($pair->parts[1]->tag, NAME_STRINGS, true), 'a name of another form');
        }
    }
}

/** What a certificate says, as far as it is used. */
final class Certificate
{
    public readonly Element $tbs, $algorithm, $signature, $serial, $issuer, $subject, $key;
    public readonly ?Element $directory;
    public readonly string $begin, $end, $fault, $signerKey, $ownKey;
    public readonly int $usage;
    public readonly bool $isAuthority;
    public readonly float $pathLength;

    public function __construct(?Element $element)
    {
        [$this->tbs, $this->algorithm, $this->signature] = take($element, 0x30, 0x30, 0x03);
        [$version, $this->serial, $inner, $this->issuer, $validity, $this->subject, $this->key, $rest] =
            take($this->tbs, 0xa0, 0x02, 0x30, 0x30, 0x30, 0x30, 0x30, 0xa3);
        need($version->raw === "\xa0\x03\x02\x01\x02" && $inner->raw === $this->algorithm->raw, 'a certificate of another form');
        need(\count($validity->parts) === 2 && preg_match('/^[\x00-\x7f].{0,20}$/sD', $this->serial->body), 'a certificate of another form');
        need(str_starts_with($this->signature->body, "\x00"), 'a certificate of another form');
        foreach ($validity->parts as $time) {
            need($time->tag !== 0x18 || $time->body >= '2050', 'a date in the form of later ones');
        }
        checkName($this->issuer);
        checkName($this->subject);
        [$this->begin, $this->end] = array_map(moment(...), $validity->parts);
        need($this->begin <= $this->end, 'it ends before it begins');
        [$found, $this->fault] = readExtensions($rest, UNDERSTOOD);
        $this->signerKey = ($found[AUTHORITY_KEY] ?? null)?->parts[0]->body ?? '';
        $this->ownKey = ($found[SUBJECT_KEY] ?? null)?->body ?? '';
        [$usage, $basic] = [$found[KEY_USAGE] ?? null, $found[BASIC_CONSTRAINTS] ?? null];
        $this->directory = $found[DIRECTORY] ?? null;
        $this->usage = $usage?->tag === 0x03 && \strlen($usage->body) > 1 ? \ord($usage->body[1]) : 0;
        $this->isAuthority = ($basic?->parts[0] ?? null)?->raw === "\x01\x01\xff";
        $length = $basic?->parts[1] ?? null;
        $this->pathLength = $length ? (float) hexdec(bin2hex($length->body)) : INF;
    }

    /** The public key, RSA of 2048 bits or more. */
    public function rsaKey(): \OpenSSLAsymmetricKey
    {
        [$algorithm, $bits] = take($this->key, 0x30, 0x03);
        need($algorithm->raw === RSA[0] && $bits->body[0] === "\x00", 'not an RSA key');
        [$modulus] = take(readOne(substr($bits->body, 1)), 0x02, 0x02);
        need($modulus->body[0] < "\x80" && \ord($modulus->body[-1]) % 2 === 1, 'not a modulus');
        $pem = "-----BEGIN PUBLIC KEY-----\n" . chunk_split(base64_encode($this->key->raw), 64, "\n") . "-----END PUBLIC KEY-----\n";
        $key = openssl_pkey_get_public($pem);
        $found = $key === false ? [] : openssl_pkey_get_details($key);
        $exponent = ltrim($found['rsa']['e'] ?? '', "\x00");
        $power = \strlen($exponent) <= 4 ? hexdec(bin2hex($exponent)) : 0;
        $isSafe = $power >= 3 && $power < 1 << 31 && $power % 2 === 1; // by 1 anybody signs
        need($key !== false && ($found['bits'] ?? 0) >= 2048 && $found['bits'] <= 8192 && $isSafe, 'no key, or none of 2048 bits');
        return $key;
    }
}

/** Whether this is RSASSA-PKCS1-v1_5 with SHA-2. */
function isSigned(string $octets, string $signature, ?string $hash, \OpenSSLAsymmetricKey $key): bool
{
    $isGood = $hash !== null && openssl_verify($octets, $signature, $key, $hash) === 1;
    while (openssl_error_string() !== false) {
        // what is left in this queue would be taken for somebody else's error
    }
    return $isGood;
}

/** An authority that you trust, or one whose certificate you take from such a one. */
final class Authority
{
    public readonly Certificate $certificate;
    public readonly \OpenSSLAsymmetricKey $key;

    public function __construct(string $der)
    {
        $this->certificate = new Certificate(readOne($der));
        need($this->certificate->isAuthority && $this->certificate->usage & CERT_SIGN, 'not an authority');
        need($this->certificate->fault === '', $this->certificate->fault);
        $this->key = $this->certificate->rsaKey();
    }

    public function signed(Certificate $other): bool
    {
        [$bits, $hash] = [$other->signature->body, signatureHash($other->algorithm->raw)];
        return str_ends_with($other->algorithm->raw, "\x05\x00") && $bits !== '' && $bits[0] === "\x00" && isSigned($other->tbs->raw, substr($bits, 1), $hash, $this->key);
    }
}

/** A complete revocation list, of any length; its signature is checked here. */
final class RevocationList
{
    public readonly string $begin, $end, $entries;

    public function __construct(string $der, public readonly Authority $issuer)
    {
        [$tag, $start, $limit] = header($der, 0, \strlen($der));
        [$inside, $first, $last] = header($der, $start, $limit);
        [$from, $to] = $this->findEntries($der, $first, $last);
        $this->entries = substr($der, $from, $to - $from);
        $after = read(substr($der, $last));
        $fields = read(substr($der, $first, $from - $first) . substr($der, $to, $last - $to));
        need($tag === 0x30 && $inside === 0x30 && \count($after) === 2 && \in_array(\count($fields), [5, 6], true), 'not a list');
        [$version, $inner, $name, $begin, $end] = $fields;
        [$algorithm, $bits] = $after;
        need($version->raw === "\x02\x01\x01" && $inner->raw === $algorithm->raw, 'a list of another form');
        need(!isset($fields[5]) || $fields[5]->tag === 0xa0, 'a list of another form');
        need($name->raw === $issuer->certificate->subject->raw && $issuer->certificate->usage & CRL_SIGN, "another issuer's list");
        $isGood = $bits->tag === 0x03 && $bits->body !== '' && $bits->body[0] === "\x00"
            && isSigned(substr($der, $start, $last - $start), substr($bits->body, 1), signatureHash($algorithm->raw), $issuer->key);
        need($isGood, 'a list that its issuer did not sign');
        [, $fault] = readExtensions($fields[5] ?? null, []);
        need($fault === '', $fault);
        [$this->begin, $this->end] = [moment($begin), moment($end)];
        need($this->begin <= $this->end, 'it ends before it begins');
    }

    /** Where the entries begin and end: they are searched, and never read one by one. */
    private function findEntries(string $der, int $at, int $limit): array
    {
        for ($hasDate = false; $at < $limit; $at = $end) {
            [$tag, , $end] = header($der, $at, $limit);
            if ($tag === 0x30 && $hasDate) {
                return [$at, $end];
            }
            $hasDate = $hasDate || $tag === 0x17 || $tag === 0x18;
        }
        return [$limit, $limit];
    }

    /** Whether an entry has this number; where it is found, it may still stand in the middle of another one. */
    public function has(string $serial): bool
    {
        foreach (["", "\x00", "\x00\x00"] as $padding) { // which DER forbids, and which must not hide it
            $number = "\x02" . \chr(\strlen($padding . $serial)) . $padding . $serial;
            if (str_contains($this->entries, $number) && $this->begins($number)) {
                return true;
            }
        }
        return false;
    }

    private function begins(string $number): bool
    {
        for ($at = 0, $limit = \strlen($this->entries); $at < $limit; $at = $next) {
            [$tag, $start, $next] = header($this->entries, $at, $limit);
            if ($at === 0 && $next === $limit && $start < $limit && ($this->entries[$start] ?? '') === "\x30") {
                $next = $start; // the sequence of them
            } elseif (substr_compare($this->entries, $number, $start, \strlen($number)) === 0) {
                return true;
            }
        }
        return false;
    }
}

/** Run what reads your own files: what is wrong with them is your affair, not a page's. */
function loaded(string $der, callable $load): mixed
{
    str_starts_with($der, '-----BEGIN ') && throw new \InvalidArgumentException('PEM, where DER is wanted: openssl x509 (or crl) -outform der');
    try {
        return $load();
    } catch (VerificationError $error) {
        throw new \InvalidArgumentException($error->getMessage(), 0, $error);
    }
}

/** Load the DER certificate of an authority. @throws \InvalidArgumentException it is not one */
function loadAuthority(string $der): Authority
{
    return loaded($der, fn () => new Authority($der));
}

/** Load an authority's complete DER list. @throws \InvalidArgumentException it is not one of this issuer */
function loadList(string $der, Authority $issuer): RevocationList
{
    return loaded($der, fn () => new RevocationList($der, $issuer));
}

/** Check your origins: as browsers write them, no path, no default port. @throws \InvalidArgumentException names the first wrong one */
function checkOrigins(array $origins): array
{
    $origins !== [] || throw new \InvalidArgumentException('no origin is configured');
    foreach ($origins as $each) {
        $isOne = \is_string($each) && \strlen($each) <= 255 && preg_match(ORIGIN, $each, $found) && (int) ($found[1] ?? 1) <= 65535;
        $isOne || throw new \InvalidArgumentException('not an origin as browsers write it: ' . json_encode($each));
    }
    return $origins;
}

/** Checks 2, 3 and 4: the message and its signature. @return array{Certificate, string} */
function openMessage(mixed $token): array
{
    need(\is_string($token) && $token !== '' && \strlen($token) <= MAX_TOKEN, 'empty or too large');
    [$type, $explicit] = take(readOne($token), 0x06, 0xa0);
    [$version, $digests, $encapsulated, $bag, $signers] = take(take($explicit, 0x30)[0], 0x02, 0x31, 0x30, 0xa0, 0x31);
    [$number, $sid, $digest, $attributes, $algorithm, $signature] = take(take($signers, 0x30)[0], 0x02, 0x30, 0x30, 0xa0, 0x30, 0x04);
    [$contentType, $attached] = take($encapsulated, 0x06, 0xa0);
    [$content] = take($attached, 0x04);
    $hash = digestOf($digest->raw);
    need($type->raw === SIGNED_DATA && $number->raw === "\x02\x01\x01" && $hash !== null, 'not SHA-2, or not a SignedData');
    need(take($digests, 0x30)[0]->raw === $digest->raw, 'another digest algorithm is declared');
    need(\in_array($algorithm->raw, RSA, true) || signatureHash($algorithm->raw) === $hash, 'not PKCS #1 v1.5 with that hash');
    $signed = readAttributes($attributes);
    if ($contentType->raw !== LOGIN || ($signed[CONTENT_TYPE] ?? null)?->raw !== LOGIN) {
        refuse('wrong_content_type', bin2hex($contentType->raw));
    }
    need($version->raw === "\x02\x01\x03", 'a version that does not go with the content type');
    $named = fn (Element $each) => ($each->parts[0]->parts[3] ?? null)?->raw . ($each->parts[0]->parts[1] ?? null)?->raw === $sid->body;
    need(array_diff(array_keys($signed), ATTRIBUTES) === [], 'an attribute that no login has');
    $signer = take($bag, 0x30); // nobody else's
    need($named($signer[0]), "the signer's certificate is not there");
    $certificate = new Certificate($signer[0]);
    need(($signed[MESSAGE_DIGEST] ?? null)?->raw === octetString($hash, $content->body), 'the content is not what was signed');
    $octets = "\x31" . substr($attributes->raw, 1); // RFC 5652 §5.4
    need(isSigned($octets, $signature->body, $hash, $certificate->rsaKey()), 'the signature does not fit');
    isset($signed[SIGNING_CERTIFICATE]) && checkBound($signed[SIGNING_CERTIFICATE], $signer[0]->raw);
    return [$certificate, $content->body];
}

function octetString(string $hash, string $octets): string
{
    $digest = hash($hash, $octets, true);
    return "\x04" . \chr(\strlen($digest)) . $digest;
}

/** Map each attribute to its one value. @return array<string, Element> */
function readAttributes(Element $attributes): array
{
    [$found, $before] = [[], ''];
    need($attributes->parts !== [], 'no signed attributes');
    foreach ($attributes->parts as $each) {
        need($each->tag === 0x30 && ($before === '' || strcmp($before, $each->raw) < 0), 'attributes that are not in the order of DER');
        [$type, $values] = take($each, 0x06, 0x31);
        need(\count($values->parts) === 1 && !isset($found[$type->raw]), 'an attribute without its one value');
        [$found[$type->raw], $before] = [$values->parts[0], $each->raw];
    }
    return $found;
}

/** signing-certificate-v2 (RFC 5035 §4): it was this certificate. */
function checkBound(Element $bound, string $der): void
{
    need($bound->raw === "\x30\x26\x30\x24\x30\x22" . octetString('sha256', $der), 'another certificate was signed');
}

/** Every path to a root, as pairs of a certificate and its issuer. */
function paths(Certificate $certificate, array $roots, array $cas, string $now, array $below = []): \Generator
{
    foreach (\count($below) > 4 ? [] : [...$roots, ...$cas] as $issuer) {
        $own = $issuer->certificate;
        $isKeyed = $certificate->signerKey === '' || $own->ownKey === '' || $certificate->signerKey === $own->ownKey;
        $isNamed = $own->subject->raw === $certificate->issuer->raw && !\in_array($own->subject->raw, $below, true); // one of each name
        $fits = $own->begin <= $now && $now <= $own->end && $own->pathLength >= \count($below);
        if (!$isKeyed || !$isNamed || !$fits || !$issuer->signed($certificate)) {
            continue;
        }
        $rests = \in_array($issuer, $roots, true) ? [[]] : paths($own, $roots, $cas, $now, [...$below, $own->subject->raw]);
        foreach ($rests as $rest) {
            yield [[$certificate, $issuer], ...$rest];
        }
    }
}

/** Check 6: a path, the dates, and the revocation of all below the root. */
function checkPath(Certificate $certificate, array $roots, array $cas, array $lists, string $now): void
{
    $fault = 'certificate_untrusted';
    foreach ($certificate->fault === '' ? paths($certificate, $roots, $cas, $now) : [] as $path) {
        $faults = array_filter(array_map(fn (array $pair) => listed($pair[0], $pair[1], $lists, $now), $path));
        $fault = match (true) {
            $now > $certificate->end => 'certificate_expired',
            $now < $certificate->begin => 'certificate_not_yet_valid',
            default => reset($faults) ?: '',
        };
        if ($fault === '') {
            return;
        }
    }
    refuse($fault, 'the path');
}

function listed(Certificate $certificate, Authority $issuer, array $lists, string $now): string
{
    $newest = []; // one name has many keys, and each its own list; of several of one moment each can revoke
    foreach ($lists as $each) {
        $by = $each->issuer->certificate;
        $isOwn = $by->key->raw === $issuer->certificate->key->raw && $by->subject->raw === $issuer->certificate->subject->raw;
        if ($isOwn && $each->begin <= $now && $now <= $each->end && $each->begin >= ($newest[0]->begin ?? '')) {
            $newest = $each->begin === ($newest[0]->begin ?? '') ? [...$newest, $each] : [$each];
        }
    }
    if ($newest === []) {
        return 'revocation_unknown';
    }
    $revoking = array_filter($newest, fn (RevocationList $each) => $each->has($certificate->serial->body));
    return $revoking === [] ? '' : 'certificate_revoked';
}

/** The text of a string, or null: what is no text would warn here, or stop the site's own JSON. */
function text(?Element $value): ?string
{
    $body = $value?->body ?? '';
    return match ($value?->tag) {
        0x0c, 0x13, 0x14, 0x16 => preg_match('//u', $body) ? $body : null,
        0x1e => preg_match('/^(?:[^\xd8-\xdf].)*$/sD', $body) ? iconv('UTF-16BE', 'UTF-8', $body) : null,
        default => null,
    };
}

/** A name in its own order, `C=TW,O=...`; of your authorities' names alone. */
function nameText(Element $name): string
{
    $one = fn (Element $pair) => (NAMES[$pair->parts[0]->raw] ?? bin2hex($pair->parts[0]->raw)) . '=' . (text($pair->parts[1]) ?? bin2hex($pair->parts[1]->raw));
    return implode(',', array_map(fn (Element $each) => implode('+', array_map($one, $each->parts)), $name->parts));
}

/** Whose card it is; a name is nobody's identity: see accountKey. */
final class Holder
{
    public function __construct(
        public readonly ?string $name,
        public readonly ?string $idLast4,
        public readonly string $subjectSerial,
        public readonly string $issuer,
    ) {
    }

    /** What to store instead of the serial number, to know the holder again. @param string $secret your own, 32 octets or more, for ever */
    public function accountKey(string $secret): string
    {
        \strlen($secret) >= 32 || throw new \InvalidArgumentException('the secret needs 32 octets');
        return hash_hmac('sha256', "$this->issuer\0$this->subjectSerial", $secret, true);
    }
}

/** The profile of citizens' certificates. */
function readHolder(Certificate $certificate): Holder
{
    $pairs = array_merge(...array_map(fn (Element $each) => $each->parts, $certificate->subject->parts));
    $of = fn (array $from, string $type) => array_values(array_filter($from, fn (Element $each) => ($each->parts[0] ?? null)?->raw === $type));
    $serials = $of($pairs, SERIAL_NUMBER);
    $serial = \count($serials) === 1 ? text($serials[0]->parts[1] ?? null) : null;
    if ($certificate->isAuthority || !preg_match('/^[0-9]{16}$/D', $serial ?? '')) {
        refuse('profile_mismatch', 'not the certificate of a citizen');
    }
    $stated = array_merge([], ...array_map(fn (Element $each) => $each->parts[1]->parts ?? [], $of($certificate->directory?->parts ?? [], ID_LAST4)));
    $last4 = \count($stated) === 1 ? text($stated[0]) : null;
    $isFour = preg_match('/^[A-Za-z0-9]{4}$/D', $last4 ?? '') === 1;
    return new Holder(text(($of($pairs, COMMON_NAME)[0] ?? null)?->parts[1] ?? null), $isFour ? $last4 : null, $serial, nameText($certificate->issuer));
}

/** A login that holds; `time` is by the citizen's clock: for the log alone. */
final class Login
{
    public function __construct(
        public readonly Holder $holder,
        public readonly string $origin,
        public readonly string $purpose,
        public readonly string $time,
    ) {
    }
}

/**
 * Verify a login, or say by a code what is wrong with it.
 *
 * @param mixed $token DER: decode the page's base64 first
 * @param list<Authority> $roots whom you trust
 * @param list<Authority> $cas whose certificates stand between
 * @param list<RevocationList> $lists one of each of them
 * @param list<string> $origins what browsers call your site
 * @param string $challenge the base64url text that you have redeemed
 * @throws VerificationError the token is refused: HTTP 400
 * @throws \InvalidArgumentException the other arguments are wrong: your fault, not the page's
 */
function verifyLogin(mixed $token, array $roots, array $cas, array $lists, array $origins, string $challenge, string $purpose = 'login', ?\DateTimeInterface $now = null): Login
{
    foreach ([[...$roots, ...$cas], $lists] as $index => $given) {
        foreach ($given as $each) {
            $each instanceof ([Authority::class, RevocationList::class][$index]) || throw new \InvalidArgumentException('not what loadAuthority and loadList return');
        }
    }
    ($roots !== [] && $lists !== []) || throw new \InvalidArgumentException('no roots, or no lists');
    checkOrigins($origins);
    preg_match('/^[A-Za-z0-9_-]{43,86}$/D', $challenge) || throw new \InvalidArgumentException('a challenge is base64url of 32 to 64 octets');
    \in_array($purpose, ['login', 'identify'], true) || throw new \InvalidArgumentException('no such purpose');
    [$certificate, $content] = openMessage($token);
    $certificate->usage & DIGITAL_SIGNATURE || refuse('wrong_key_usage', 'not a certificate for signatures');
    checkPath($certificate, $roots, $cas, $lists, gmdate('YmdHis', $now?->getTimestamp() ?? time()));
    preg_match(STATEMENT, $content, $found) || refuse('malformed', 'not the statement of a login');
    [, $stated, $origin, $answered, $time] = $found;
    \in_array($origin, $origins, true) || refuse('origin_mismatch', "made for $origin");
    hash_equals($challenge, $answered) || refuse('challenge_mismatch', 'made for another challenge');
    $stated === $purpose || refuse('purpose_mismatch', "made to $stated");
    return new Login(readHolder($certificate), $origin, $purpose, $time);
}
