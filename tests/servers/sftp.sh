# shellcheck shell=bash
# A real sshd with its own sftp, for tests, on a free port of the loopback.
# Sourced after tap.sh; needs openssh-server and openssh-client.
#
#	sftp_start    sets $sftp_port, $sftp_user, and $sftp_password where one
#	              can log in with a password
#
# $T/sftp has key and locked (of passphrase "open it"), both allowed to log in,
# stranger, which is not, known (known_hosts) and log.  A password needs root and
# a mount of sshd's own: a shadow file that nobody else sees.  Where that can't
# be made, $sftp_password is empty.  sshd ends with the test, by its pid.
# shellcheck disable=SC2034 # for whoever sources this
# shellcheck disable=SC2154 # tap.sh sets T

sftp_keys() {
	local dir=$T/sftp
	mkdir -m 700 "$dir" &&
		ssh-keygen -q -t ed25519 -N '' -C host -f "$dir/host" &&
		ssh-keygen -q -t ed25519 -N '' -C key -f "$dir/key" &&
		ssh-keygen -q -t ed25519 -N 'open it' -C locked -f "$dir/locked" &&
		ssh-keygen -q -t ed25519 -N '' -C other -f "$dir/stranger" &&
		cat "$dir/key.pub" "$dir/locked.pub" >"$dir/authorized"
}

sftp_config() {
	cat >"$T/sftp/config" <<-E
	ListenAddress 127.0.0.1
	Port $sftp_port
	HostKey $T/sftp/host
	PidFile none
	AuthorizedKeysFile $T/sftp/authorized
	PermitRootLogin yes
	PasswordAuthentication yes
	KbdInteractiveAuthentication no
	StrictModes no
	UsePAM no
	UseDNS no
	LogLevel VERBOSE
	Subsystem sftp internal-sftp
	E
	echo "[127.0.0.1]:$sftp_port $(cut -d ' ' -f 1,2 "$T/sftp/host.pub")" \
		>"$T/sftp/known"
}

# shellcheck disable=SC2016 # for the inner shell
sftp_run='
	if [ "$(id -u)" = 0 ]; then
		mkdir -p /run/sshd || exit
		[ -z "$1" ] || mount --bind "$1" /etc/shadow || exit
	fi
	exec "$(command -v sshd)" -D -e -f "$2"'

sftp_start() {
	local dir=$T/sftp own=() shadow=''
	PATH=$PATH:/usr/sbin:/sbin
	sftp_user=$(id -un) sftp_password=''
	sftp_keys || return
	if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
		own=(unshare -m) shadow=$dir/shadow sftp_password=let-me-in
		echo "$sftp_user:$(openssl passwd -6 $sftp_password):19000:0:99999:7:::" \
			>"$shadow"
	fi
	for _ in 1 2 3 4 5; do
		sftp_port=$((20000 + RANDOM % 10000))
		sftp_config
		"${own[@]}" sh -c "$sftp_run" sshd "$shadow" "$dir/config" \
			>"$dir/log" 2>&1 &
		tap_pids+=($!)
		for _ in $(seq 100); do
			grep -q '^Server listening' "$dir/log" && return 0
			kill -0 "${tap_pids[-1]}" 2>/dev/null || break
			sleep 0.05
		done
	done
	cat "$dir/log" >&2
	return 1
}
