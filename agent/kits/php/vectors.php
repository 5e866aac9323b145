<?php
/** Run the test vectors: `php vectors.php MANIFEST`; with `--fuzz`, judge tokens in base64 from standard input. */

declare(strict_types=1);

namespace Ankong;

require __DIR__ . '/verify.php';

[, $path] = $argv;
$manifest = json_decode(file_get_contents($path), true, flags: JSON_THROW_ON_ERROR);
$file = fn (string $name) => file_get_contents(\dirname($path) . "/$name");

/** What a verifier is configured with; a list that cannot be loaded is not there. */
$configure = function (array $wanted) use ($file): array {
    [$roots, $cas] = array_map(fn ($kind) => array_map(fn ($name) => loadAuthority($file($name)), $wanted['trust'][$kind]), ['roots', 'cas']);
    $lists = [];
    foreach ($wanted['trust']['crls'] as $name) {
        foreach ([...$roots, ...$cas] as $issuer) {
            try {
                $lists[] = loadList($file($name), $issuer);
            } catch (\InvalidArgumentException) {
            }
        }
    }
    $now = new \DateTimeImmutable($wanted['at']);
    return compact('roots', 'cas', 'lists', 'now') + array_intersect_key($wanted, ['origins' => 0, 'challenge' => 0, 'purpose' => 0]);
};

/** Return "ok" or the code of the refusal; "error" where the settings are wrong, as nobody's token is. */
$judge = function (mixed $token, callable $settings): string {
    try {
        verifyLogin($token, ...$settings());
        return 'ok';
    } catch (VerificationError $error) {
        return $error->reason;
    } catch (\InvalidArgumentException | \TypeError) {
        return 'error';
    }
};
set_error_handler(fn (int $level, string $text) => throw new \ErrorException($text)); // no warning is overlooked

if (($argv[2] ?? '') === '--fuzz') {
    $options = $configure($manifest);
    while (($line = fgets(STDIN)) !== false) {
        echo $judge($line === "null\n" ? null : base64_decode($line), fn () => $options), "\n";
    }
    exit;
}
foreach ($manifest['cases'] as $name => $each) {
    if (!isset($each['steps'])) { // those are for who keeps challenges
        $code = $judge($file($each['file']), fn () => $configure($each + $manifest));
        echo json_encode(['name' => $name, 'code' => $code, 'ok' => \in_array($code, (array) $each['expect'], true)]), "\n";
    }
}
[$options, $token, $start] = [$configure($manifest), $file('valid.der'), hrtime(true)];
for ($count = 0; $count < 500; $count++) {
    verifyLogin($token, ...$options);
}
echo json_encode(['logins_per_second' => (int) round(500 / ((hrtime(true) - $start) / 1e9))]), "\n";
