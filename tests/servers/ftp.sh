# shellcheck shell=bash
# A real FTP server for tests on a free port of the loopback.  Sourced after
# tap.sh; needs vsftpd, and root.
#
#	ftp_start [LINE...]    serve $T/ftp; more lines of configuration
#
# sets $ftp_port; user "anonymous", with the password that is in
# $T/vsftpd/passwords, and only files that all may read.  $T/vsftpd/log has its
# commands.  It is ended by its pid, at once, by ftp_end or with the test.
# shellcheck disable=SC2154 # tap.sh sets T

ftp_port_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

ftp_start() {
	local dir=$T/vsftpd line
	PATH=$PATH:/usr/sbin:/sbin
	mkdir -p "$T/ftp" "$dir/empty"
	# It goes on as daemon (nobody has no home), who must get there.
	chmod 755 "$T" "$T/ftp" "$dir" "$dir/empty"
	[ -e "$dir/passwords" ] || echo 'let-me-in' >"$dir/passwords"
	for _ in 1 2 3 4 5; do
		ftp_port=$((20000 + RANDOM % 10000))
		ftp_port_free "$ftp_port" || continue
		cat >"$dir/conf" <<-E
		listen=YES
		listen_address=127.0.0.1
		listen_port=$ftp_port
		background=NO
		anonymous_enable=YES
		local_enable=NO
		secure_email_list_enable=YES
		email_password_file=$dir/passwords
		ftp_username=daemon
		nopriv_user=nobody
		anon_root=$T/ftp
		secure_chroot_dir=$dir/empty
		delay_failed_login=0
		seccomp_sandbox=NO
		isolate=NO
		isolate_network=NO
		log_ftp_protocol=YES
		xferlog_enable=YES
		vsftpd_log_file=$dir/log
		E
		for line in "$@"; do echo "$line"; done >>"$dir/conf"
		: >"$dir/log"
		vsftpd "$dir/conf" >"$dir/out" 2>&1 &
		ftp_pid=$!
		tap_pids+=("$ftp_pid")
		for _ in $(seq 100); do
			ftp_port_free "$ftp_port" || return 0
			kill -0 "$ftp_pid" 2>/dev/null || break
			sleep 0.05
		done
	done
	cat "$dir/out" "$dir/log" >&2
	return 1
}

ftp_end() {
	kill -9 "$ftp_pid" 2>/dev/null
	wait "$ftp_pid" 2>/dev/null
}
