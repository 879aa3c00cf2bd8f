/* What a failure means. */
#include "fetch_private.h"

enum dl_fetch_result
dl_fetch_fail_as(const struct dl_err *err)
{
	return err->status == DL_EXIT_TEMP ? DL_FETCH_AGAIN : DL_FETCH_FAIL;
}

/* The server's key is not the one that is known. */
static int
host_key(struct dl_fetch *f, struct dl_err *err)
{
	char *host = dl_fetch_url_part(f->at, CURLUPART_HOST, 0);
	char *port = dl_fetch_url_part(f->at, CURLUPART_PORT, 0);

	if (f->host_key == CURLKHMATCH_MISMATCH)
		dl_err_denied(err,
		    "%s: the server has another key than the one in '%s': "
		    "somebody may stand between; if it was changed, take the "
		    "old one out (ssh-keygen -R)",
		    f->label, f->known_hosts);
	else
		dl_err_denied(err,
		    "%s: the server's key is not in '%s': compare it with its "
		    "owner's, and add it (ssh-keyscan%s%s %s)",
		    f->label, f->known_hosts, port == NULL ? "" : " -p ",
		    port == NULL ? "" : port, host == NULL ? "HOST" : host);
	curl_free(host);
	curl_free(port);
	return -1;
}

static int
not_trusted(struct dl_fetch *f, const char *why, struct dl_err *err)
{
	bool issuer =
	    strstr(why, "issuer") != NULL || strstr(why, "self-signed") != NULL;

	if (f->scheme == DL_FETCH_SFTP)
		return host_key(f, err);
	return dl_err_denied(err, "%s: not trusted: %s%s", f->label, why,
	    issuer ? ": if it is yours, 'tls.ca' is the file of who signed it"
		   : "");
}

static bool
proxy_refuses(struct dl_fetch *f)
{
	long code = 0;

	curl_easy_getinfo(f->easy, CURLINFO_HTTP_CONNECTCODE, &code);
	return code == 407 || code == 403;
}

static int
no_access(struct dl_fetch *f, const char *why, struct dl_err *err)
{
	/* ftp says so of a directory that isn't there, too. */
	if (f->scheme == DL_FETCH_FTP)
		return dl_err_conf(err,
		    "%s: there is no such directory, or it is not allowed: %s",
		    f->label, why);
	return dl_err_denied(err, "%s: not allowed: %s", f->label, why);
}

/* What libcurl only has words for. */
static void
other_failure(struct dl_fetch *f, const char *why, struct dl_err *err)
{
	if (f->scheme == DL_FETCH_SFTP &&
	    strstr(why, "-5, Unable to exchange") != NULL)
		dl_err_temp(err,
		    "%s: no kind of key that both sides know; is only an "
		    "ssh-rsa one in '%s'? (%s)",
		    f->label, f->known_hosts, why);
	else if (proxy_refuses(f))
		dl_err_denied(err,
		    "%s: check the credentials for the proxy: %s", f->label,
		    why);
	else
		dl_err_temp(err, "%s: %s", f->label, why);
}

/* Who we are to the server, or it to us: false if it isn't about that. */
static bool
identity_failure(struct dl_fetch *f, const char *why, struct dl_err *err)
{
	switch (f->code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		not_trusted(f, why, err);
		return true;
	case CURLE_SSL_CACERT_BADFILE:
		if (f->o.tls.ca == NULL)
			dl_err_conf(err,
			    "%s: this system trusts nobody (Debian's package "
			    "ca-certificates is not installed), and 'tls' has "
			    "no 'ca': %s",
			    f->label, why);
		else
			dl_err_conf(err, "%s: 'tls.ca': %s", f->label, why);
		return true;
	case CURLE_SSL_CERTPROBLEM:
		dl_err_conf(err,
		    "%s: check 'cert', 'key' and 'key_password' of 'tls': %s",
		    f->label, why);
		return true;
	case CURLE_USE_SSL_FAILED:
		dl_err_denied(
		    err, "%s: the server has no TLS: %s", f->label, why);
		return true;
	case CURLE_LOGIN_DENIED:
		dl_err_denied(err,
		    "%s: login denied: check the user, and the password or "
		    "key: %s",
		    f->label, why);
		return true;
	case CURLE_REMOTE_ACCESS_DENIED:
		no_access(f, why, err);
		return true;
	default:
		return false;
	}
}

enum dl_fetch_result
dl_fetch_fail_transfer(struct dl_fetch *f, struct dl_err *err)
{
	const char *why =
	    f->text[0] != '\0' ? f->text : curl_easy_strerror(f->code);
	bool ftp = f->scheme == DL_FETCH_FTP;

	/* libcurl repeats it, and a password may be in it. */
	if (strstr(why, "nsupported proxy") != NULL) {
		dl_err_conf(err,
		    "%s: the proxy that the environment says (http_proxy, "
		    "https_proxy, all_proxy) is no URL that can be used: "
		    "http://HOST:PORT; in a password '@', ':' and '/' are "
		    "%%40, %%3A and %%2F",
		    f->label);
		return DL_FETCH_FAIL;
	}
	if (identity_failure(f, why, err))
		return dl_fetch_fail_as(err);
	switch (f->code) {
	case CURLE_URL_MALFORMAT:
		dl_err_conf(err, "%s: %s", f->label, why);
		break;
	case CURLE_UNSUPPORTED_PROTOCOL:
		dl_err_conf(err, "%s: not an answer in HTTP: check 'url': %s",
		    f->label, why);
		break;
	case CURLE_REMOTE_FILE_NOT_FOUND:
	case CURLE_FTP_COULDNT_RETR_FILE:
		dl_err_conf(err, "%s: there is no such file%s: %s", f->label,
		    ftp ? ", or it may not be read" : "", why);
		break;
	case CURLE_OUT_OF_MEMORY:
		/* For want of memory: its own limit is 100 KiB. */
		dl_err_data(err,
		    "%s: a header of the answer is longer than libcurl takes",
		    f->label);
		break;
	case CURLE_FILE_COULDNT_READ_FILE:
		dl_err_temp(err, "%s: %s", f->label, why);
		return DL_FETCH_FAIL;
	default:
		other_failure(f, why, err);
	}
	return dl_fetch_fail_as(err);
}

enum dl_fetch_result
dl_fetch_fail_status(struct dl_fetch *f, int status, struct dl_err *err)
{
	switch (status) {
	case 408:
	case 425:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		dl_err_temp(err, "%s: HTTP status %d", f->label, status);
		return DL_FETCH_AGAIN;
	case 407:
		dl_err_denied(err,
		    "%s: HTTP status %d: check the credentials for the proxy",
		    f->label, status);
		return DL_FETCH_FAIL;
	case 401:
	case 403:
		dl_err_denied(err,
		    "%s: HTTP status %d: check the credentials: 'auth', or "
		    "those in 'headers' or the URL",
		    f->label, status);
		return DL_FETCH_FAIL;
	case 404:
	case 410:
		dl_err_conf(err,
		    "%s: HTTP status %d: there is nothing at "
		    "this URL",
		    f->label, status);
		return DL_FETCH_FAIL;
	default:
		if (status >= 500)
			dl_err_temp(
			    err, "%s: HTTP status %d", f->label, status);
		else
			dl_err_conf(err,
			    "%s: HTTP status %d: check 'url' and 'headers'",
			    f->label, status);
		return DL_FETCH_FAIL;
	}
}
