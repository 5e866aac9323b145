<?php
/** Run the test vectors: `php vectors.php MANIFEST`; with `--fuzz`, judge tokens in base64 from standard input. */

declare(strict_types=1);

namespace Ankong;

require __DIR__ . '/verify.php';

[, $path] = $argv;
$manifest = json_decode(file_get_contents($path), true, flags: JSON_THROW_ON_ERROR);
$file = fn (string $name) => file_get_contents(\dirname($path) . "/$name");

/** Whatever loads of these; a site would not start where something does not. */
$loaded = function (array $names, callable ...$loaders) use ($file): array {
    $found = [];
    foreach ($names as $name) {
        foreach ($loaders as $load) {
            try {
                $found[] = $load($file($name));
            } catch (\InvalidArgumentException) {
                continue;
            }
        }
    }
    return $found;
};

$configure = function (array $wanted) use ($loaded): array {
    [$roots, $cas] = [$loaded($wanted['trust']['roots'], loadAuthority(...)), $loaded($wanted['trust']['cas'], loadAuthority(...))];
    $lists = $loaded($wanted['trust']['crls'], ...array_map(fn ($issuer) => fn ($der) => loadList($der, $issuer), [...$roots, ...$cas]));
    $now = new \DateTimeImmutable($wanted['at']);
    return compact('roots', 'cas', 'lists', 'now') + array_intersect_key($wanted, ['origins' => 0, 'challenge' => 0, 'purpose' => 0]);
};

/** Return "ok" or the code of the refusal; "error" where the settings are wrong, as nobody's token is. */
$judge = function (mixed $token, array $options): string {
    try {
        verifyLogin($token, ...$options);
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
        echo $judge($line === "null\n" ? null : base64_decode($line), $options), "\n";
    }
    exit;
}
foreach ($manifest['cases'] as $name => $each) {
    if (!isset($each['steps'])) { // those are for who keeps challenges
        $options = $configure($each + $manifest);
        $code = $judge($file($each['file']), $options);
        $due = \count(($each['trust'] ?? $manifest['trust'])['crls']);
        $isMissing = $due === 0 ? $code === 'error' : \count($options['lists']) < $due && $code === 'ok';
        $code = $isMissing ? 'revocation_unknown' : $code; // that the site did not start
        echo json_encode(['name' => $name, 'code' => $code, 'ok' => \in_array($code, (array) $each['expect'], true)]), "\n";
    }
}
[$options, $token, $start] = [$configure($manifest), $file('valid.der'), hrtime(true)];
for ($count = 0; $count < 200; $count++) {
    verifyLogin($token, ...$options);
}
$speed = (int) round(200 / ((hrtime(true) - $start) / 1e9));
$holder = verifyLogin($token, ...$options)->holder;
$key = bin2hex($holder->accountKey(str_repeat('k', 32)));
echo json_encode(['logins_per_second' => $speed, 'account_key' => $key, 'last4' => $holder->idLast4]), "\n";
