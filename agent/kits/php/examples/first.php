<?php

require __DIR__ . '/../verify.php';

$file = fn (string $name) => file_get_contents("{$_SERVER['argv'][1]}/$name");
['origins' => $origins, 'challenge' => $challenge] = json_decode($file('manifest.json'), true);
[$root, $ca] = [Ankong\loadAuthority($file('root.cer')), Ankong\loadAuthority($file('ca.cer'))];
$lists = [Ankong\loadList($file('root.crl'), $root), Ankong\loadList($file('ca.crl'), $ca)];
print_r(Ankong\verifyLogin($file('valid.der'), [$root], [$ca], $lists, $origins, $challenge));
