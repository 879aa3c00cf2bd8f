# shellcheck shell=bash
# Two sites with a link between them, and sshd on the far one.  Sourced after
# tap.sh; needs openssh-server, openssh-client and, for a real link, iproute2
# and the right to make network namespaces.
#
#	sites_start          make them; $sites is "namespaces" or "loopback"
#	site_ssh COMMAND     becomes ssh from the near site to the far one
#	link_cut, link_mend  not a packet passes; it does again
#	link_move            while it is cut: mended, the near site has another
#	                     address, and nobody answers at the old one
#	sites_end            end all that runs on the far site, remove the link
#
# The sites are two network namespaces, the link is a pair of virtual ends:
# what is cut says nothing, no connection ends by itself.  Where namespaces
# can't be made both sites are on 127.0.0.1, and the link is cut by ending
# sshd's connections.  Files are in $T/ssh, sshd's log too.
# shellcheck disable=SC2154 # tap.sh sets T

# Names that no other test on this machine has.
site_near=dl$$near site_far=dl$$far
near_addr=10.77.0.2 far_addr=10.77.0.1
sites='' in_near=() in_far=()
PATH=$PATH:/usr/sbin:/sbin

sites_namespaces() {
	ip netns add "$site_near" && ip netns add "$site_far" &&
		ip -n "$site_near" link add link0 type veth \
			peer name link0 netns "$site_far" &&
		ip -n "$site_near" addr add "$near_addr/24" dev link0 &&
		ip -n "$site_far" addr add "$far_addr/24" dev link0 &&
		ip -n "$site_near" link set link0 up &&
		ip -n "$site_far" link set link0 up
}

sites_remove() {
	local site
	for site in "$site_near" "$site_far"; do
		[ -e "/run/netns/$site" ] && ip netns del "$site"
	done
}

sshd_keys() {
	mkdir -m 700 "$T/ssh"
	ssh-keygen -q -t ed25519 -N '' -C far -f "$T/ssh/host" &&
		ssh-keygen -q -t ed25519 -N '' -C near -f "$T/ssh/key" &&
		cp "$T/ssh/key.pub" "$T/ssh/authorized_keys"
}

# ClientAlive: who isn't told that the other is gone must ask.
sshd_config() {
	cat >"$T/ssh/config" <<-E
	ListenAddress $far_addr
	Port $site_port
	HostKey $T/ssh/host
	PidFile none
	AuthorizedKeysFile $T/ssh/authorized_keys
	PermitRootLogin prohibit-password
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	StrictModes no
	UsePAM no
	UseDNS no
	ClientAliveInterval 1
	ClientAliveCountMax 2
	LoginGraceTime 3
	LogLevel VERBOSE
	E
	echo "[$far_addr]:$site_port $(cat "$T/ssh/host.pub")" >"$T/ssh/known"
}

# As root sshd needs /run/sshd, and takes an account without a password for a
# locked one: on the far site, and there alone, it has a shadow file of its own.
# shellcheck disable=SC2016 # for the inner shell
sshd_run='
	if [ "$(id -u)" = 0 ]; then
		mkdir -p /run/sshd || exit
		[ -z "$1" ] || mount --bind "$1" /etc/shadow || exit
	fi
	exec "$(command -v sshd)" -D -e -f "$2"'

sshd_start() {
	local shadow=''
	if [ "$sites" = namespaces ]; then
		shadow=$T/ssh/shadow
		echo "$(id -un):*:19000:0:99999:7:::" >"$shadow"
	fi
	# Ctrl-C is not for it: what it has started must be found by it at the end.
	"${in_far[@]}" setsid sh -c "$sshd_run" sshd "$shadow" "$T/ssh/config" \
		>"$T/ssh/log" 2>&1 &
	sshd_pid=$!
	for _ in $(seq 100); do
		grep -q '^Server listening' "$T/ssh/log" && return 0
		kill -0 "$sshd_pid" 2>/dev/null || break
		sleep 0.05
	done
	return 1
}

sites_start() {
	local try
	if [ "${SITES:-}" = loopback ]; then
		echo 'not asked for' >"$T/namespaces"
	else
		sites_namespaces 2>"$T/namespaces" && sites=namespaces
	fi
	if [ "$sites" = namespaces ]; then
		in_near=(ip netns exec "$site_near")
		in_far=(ip netns exec "$site_far")
	else
		note "no network namespaces: $(cat "$T/namespaces")"
		note "over 127.0.0.1, where the link is cut by ending sshd's connections"
		sites_remove
		sites=loopback far_addr=127.0.0.1
	fi
	sshd_keys || return
	for try in 1 2 3 4 5; do
		site_port=$((20000 + RANDOM % 10000))
		sshd_config
		sshd_start && return
		note "sshd, try $try: $(tail -n 3 "$T/ssh/log")"
	done
	return 1
}

site_ssh() {
	exec "${in_near[@]}" ssh -F none -T -p "$site_port" -i "$T/ssh/key" \
		-o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
		-o UserKnownHostsFile="$T/ssh/known" -o StrictHostKeyChecking=yes \
		-o ConnectTimeout=1 -o ServerAliveInterval=1 \
		-o ServerAliveCountMax=1 "$far_addr" "$@"
}

# All that a process has started, and what these have.
offspring() {
	local child
	for child in $(ps -o pid= --ppid "$1"); do
		echo "$child"
		offspring "$child"
	done
}

# Without namespaces: all of sshd but the one that listens.
link_cut() {
	local pid
	if [ "$sites" = namespaces ]; then
		ip -n "$site_near" link set link0 down
		return
	fi
	for pid in $(offspring "$sshd_pid"); do
		[ "$(ps -o comm= -p "$pid")" = sshd ] && kill -9 "$pid"
	done 2>/dev/null
}

link_mend() {
	[ "$sites" = loopback ] || ip -n "$site_near" link set link0 up
}

link_move() {
	[ "$sites" = namespaces ] || return 0
	ip -n "$site_near" addr del "$near_addr/24" dev link0
	near_addr=10.77.0.$((${near_addr##*.} % 250 + 2))
	ip -n "$site_near" addr add "$near_addr/24" dev link0
}

sites_end() {
	local all
	if [ -n "${sshd_pid:-}" ]; then
		all=$(offspring "$sshd_pid")
		[ "$sites" = loopback ] ||
			all+=" $(ip netns pids "$site_far")"
		# shellcheck disable=SC2086 # pids are words
		kill -9 "$sshd_pid" $all 2>/dev/null
		wait "$sshd_pid" 2>/dev/null
	fi
	[ "$sites" = loopback ] || sites_remove
}
