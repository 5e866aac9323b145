<?php
/**
 * A whole site that logs citizens in, for PHP's own server or any other:
 *
 *     ANKONG_TRUST=trust ANKONG_ORIGIN=https://portal.example ACCOUNT_SECRET=... php -S 127.0.0.1:8080 login.php
 */

declare(strict_types=1);

use Ankong\VerificationError;

use function Ankong\checkOrigins;
use function Ankong\loadAuthority;
use function Ankong\loadList;
use function Ankong\verifyLogin;

require __DIR__ . '/../verify.php';

// region: load
$file = fn (string $name) => file_get_contents(getenv('ANKONG_TRUST') . "/$name") ?: throw new RuntimeException("no $name");
[$root, $ca] = [loadAuthority($file('root.cer')), loadAuthority($file('ca.cer'))];
$trust = [
    'roots' => [$root],
    'cas' => [$ca],
    'lists' => [loadList($file('root.crl'), $root), loadList($file('ca.crl'), $ca)],
    'origins' => checkOrigins([getenv('ANKONG_ORIGIN')]),
];
$secret = (string) @hex2bin((string) getenv('ACCOUNT_SECRET')); // 32 octets of your own, the same for ever
strlen($secret) >= 32 || throw new RuntimeException('ACCOUNT_SECRET is not 64 hexadecimal digits or more');
session_name('__Host-session');
session_start(['cookie_secure' => true, 'cookie_httponly' => true, 'cookie_samesite' => 'Lax', 'use_strict_mode' => true]);
// endregion: load

/** A refusal of the challenge, before anything is verified. */
final class ChallengeError extends Exception
{
}

// region: login
const LIFETIME = 300; // seconds of a challenge

function challenge(): array
{
    $text = rtrim(strtr(base64_encode(random_bytes(32)), '+/', '-_'), '=');
    $_SESSION['asked'] = ['id' => bin2hex(random_bytes(16)), 'challenge' => $text, 'at' => time(), 'taken' => ''];
    return ['challenge_id' => $_SESSION['asked']['id'], 'challenge' => $text];
}

/** The challenge of this session, for one token: the same one again gets the same answer. PHP lets a session's requests in one at a time. */
function redeem(mixed $id, string $token): string
{
    $asked = $_SESSION['asked'] ?? null;
    $asked !== null && $asked['id'] === $id || throw new ChallengeError('challenge_unknown');
    time() - $asked['at'] < LIFETIME || throw new ChallengeError('challenge_expired');
    $digest = hash('sha256', $token);
    $_SESSION['asked']['taken'] = $asked['taken'] ?: $digest; // before anything is verified
    $_SESSION['asked']['taken'] === $digest || throw new ChallengeError('challenge_used');
    return $asked['challenge'];
}

function login(array $body, array $trust, string $secret): array
{
    $token = is_string($body['token'] ?? null) ? base64_decode($body['token'], true) : false;
    $asked = redeem($body['challenge_id'] ?? null, (string) $token);
    $login = verifyLogin($token, ...$trust, challenge: $asked);
    session_regenerate_id(true); // whoever knew the old session does not get the new one
    $_SESSION = ['account' => bin2hex($login->holder->accountKey($secret))];
    return ['name' => $login->holder->name]; // authenticated is not authorised: look the account up
}
// endregion: login

header('Content-Type: application/json');
header('Cache-Control: no-store');
$body = json_decode((string) file_get_contents('php://input', length: 128 * 1024), true);
$route = $_SERVER['REQUEST_METHOD'] . ' ' . strtok($_SERVER['REQUEST_URI'], '?');
try {
    $answer = match ($route) {
        'POST /login/challenge' => challenge(),
        'POST /login' => login(is_array($body) ? $body : [], $trust, $secret),
        default => null,
    };
    http_response_code($answer === null ? 404 : 200);
    echo json_encode($answer ?? ['code' => 'not_found']);
} catch (VerificationError | ChallengeError $error) {
    error_log('login refused: ' . $error->getMessage()); // what was expected stands here alone
    http_response_code(400);
    echo json_encode(['code' => $error instanceof VerificationError ? $error->reason : $error->getMessage()]);
}
