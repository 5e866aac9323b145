# For the other scripts: run a program as whoever sits at this Mac. Installer runs the scripts as
# root where the package is installed for all users, and as that user where it is for one.

# Name the user in front of the screen; nothing where nobody has signed in.
citizen() {
    if [ "$(id -u)" -ne 0 ]; then
        id -un
        return
    fi
    name=$(/usr/bin/stat -f %Su /dev/console)
    case "$name" in
    root | loginwindow | _*) ;;
    *) echo "$name" ;;
    esac
}

# Run the rest of the line as that user, in their session: trust and autostart are theirs.
as_user() {
    name=$(citizen)
    if [ -z "$name" ]; then
        return 0
    elif [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        /bin/launchctl asuser "$(id -u "$name")" /usr/bin/sudo -H -u "$name" "$@"
    fi
}
