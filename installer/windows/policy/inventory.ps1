# Remediation script of the pair with detect.ps1: prints the inventory, and changes nothing.
#
# Intune keeps 2048 characters of what a script prints; the ports, which fill most of the line, are
# left out. Exit 0 wherever Ankong could be asked, else 1.

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
    $inventory.ports.PSObject.Properties.Remove('ports')
    Write-Output ($inventory | ConvertTo-Json -Depth 6 -Compress)
    exit 0
}
catch {
    Write-Output 'unreadable'
    exit 1
}
