# Detection script of an Intune remediation: is Ankong here, and is all of it as it should be?
#
# Exit 0: yes. Exit 1: it is missing, or a part of its inventory names a problem; inventory.ps1, the
# second script of the pair, then prints all of it. One line is printed, which Intune keeps. No card
# is opened, and no person, card or site is named.
#
# Run it with the signed-in user's credentials to hear of that user's agent; as SYSTEM it tells of
# the program and the computer alone. Both scripts must be the same from one computer to the next,
# so there is nothing to fill in.

$ErrorActionPreference = 'Stop'

function Find-Ankong {
    # Intune runs scripts in a 32-bit PowerShell by default, whose HKLM:\Software is another.
    foreach ($hive in 'LocalMachine', 'CurrentUser') {
        $root = [Microsoft.Win32.RegistryKey]::OpenBaseKey($hive, 'Registry64')
        $key = $root.OpenSubKey('Software\Ankong')
        $folder = if ($key) { $key.GetValue('InstallDir') }
        if ($folder) {
            $program = Join-Path -Path $folder -ChildPath 'ankong.exe'
            if (Test-Path -LiteralPath $program -PathType Leaf) { return $program }
        }
    }
    return $null
}

try {
    $program = Find-Ankong
    if (-not $program) {
        Write-Output 'missing'
        exit 1
    }
    [Console]::OutputEncoding = [Text.Encoding]::UTF8
    $inventory = & $program inventory --json | ConvertFrom-Json
    $problems = @()
    foreach ($part in 'policy', 'trust', 'agent', 'ports', 'smart_cards', 'browsers', 'update') {
        if ($inventory.$part.problem) { $problems += $inventory.$part.problem }
    }
    Write-Output ('{0} {1} {2}' -f $inventory.version, $inventory.scope, ($problems -join ','))
    if ($problems.Count -gt 0) { exit 1 }
    exit 0
}
catch {
    Write-Output 'unreadable'
    exit 1
}
