/*
 * An SSH server on libssh with a few commands of its own: libssh-server USER PASSWORD AUTHORIZED_KEYS REKEY_BYTES HOST_KEY...
 * Prints `listening on PORT`. A process for each connection, one channel at a time.
 * Compiled by spec/support/peers/libssh.ts: cc libssh-server.c -lssh -lcrypto
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <openssl/evp.h>

static const char *user, *password, *authorized;

static int is_authorized(ssh_key key) {
  char line[4096], *base64 = NULL;
  int is_known = 0;
  FILE *file = fopen(authorized, "r");
  ssh_pki_export_pubkey_base64(key, &base64);
  while (file != NULL && base64 != NULL && fgets(line, sizeof(line), file) != NULL)
    if (strstr(line, base64) != NULL) is_known = 1;
  if (file != NULL) fclose(file);
  ssh_string_free_char(base64);
  return is_known;
}

/* Answers a request for a login; says whether it has succeeded. */
static int log_in(ssh_session session, ssh_message message) {
  const char *prompts[] = {"Password: "};
  char echo[] = {0};
  int is_right = 0;
  /* an answer says nothing of who answers */
  const char *name = ssh_message_auth_user(message);
  if (name == NULL || strcmp(name, user) == 0) {
    switch (ssh_message_subtype(message)) {
      case SSH_AUTH_METHOD_PASSWORD:
        is_right = strcmp(ssh_message_auth_password(message), password) == 0;
        break;
      case SSH_AUTH_METHOD_PUBLICKEY:
        is_right = is_authorized(ssh_message_auth_pubkey(message));
        if (!is_right || ssh_message_auth_publickey_state(message) == SSH_PUBLICKEY_STATE_VALID) break;
        is_right = 0;
        if (ssh_message_auth_publickey_state(message) != SSH_PUBLICKEY_STATE_NONE) break;
        ssh_message_auth_reply_pk_ok_simple(message);
        return 0;
      case SSH_AUTH_METHOD_INTERACTIVE:
        if (!ssh_message_auth_kbdint_is_response(message)) {
          ssh_message_auth_interactive_request(message, "Login", "Who are you?", 1, prompts, echo);
          return 0;
        }
        is_right = ssh_userauth_kbdint_getnanswers(session) == 1 &&
                   strcmp(ssh_userauth_kbdint_getanswer(session, 0), password) == 0;
    }
  }
  ssh_message_auth_set_methods(message, SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_PUBLICKEY | SSH_AUTH_METHOD_INTERACTIVE);
  if (is_right) ssh_message_auth_reply_success(message, 0);
  else ssh_message_reply_default(message);
  return is_right;
}

static void run(ssh_channel channel, const char *command) {
  unsigned char bytes[32768], digest[32];
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  int length, status = 0, is_cat = strcmp(command, "cat") == 0;
  EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
  if (is_cat || strcmp(command, "sha256") == 0) {
    while ((length = ssh_channel_read(channel, bytes, sizeof(bytes), 0)) > 0) {
      EVP_DigestUpdate(hash, bytes, length);
      if (is_cat) ssh_channel_write(channel, bytes, length);
    }
    EVP_DigestFinal_ex(hash, digest, NULL);
    for (int at = 0; !is_cat && at < 32; at++) sprintf((char *)bytes + 2 * at, "%02x", digest[at]);
    if (!is_cat) ssh_channel_write(channel, bytes, 64);
  } else if (sscanf(command, "both %d", &status) == 1) {
    ssh_channel_write(channel, "out\n", 4);
    ssh_channel_write_stderr(channel, "err\n", 4);
  } else if (strcmp(command, "signal TERM") == 0) {
    ssh_channel_request_send_exit_signal(channel, "TERM", 0, "gone", "");
    status = -1;
  } else {
    ssh_channel_write_stderr(channel, "no such command\n", 16);
    status = 127;
  }
  EVP_MD_CTX_free(hash);
  if (status >= 0) ssh_channel_request_send_exit_status(channel, status);
  ssh_channel_send_eof(channel);
  ssh_channel_close(channel);
}

static void serve(ssh_session session) {
  ssh_message message;
  ssh_channel channel = NULL;
  int is_in = 0;
  if (ssh_handle_key_exchange(session) != SSH_OK) return;
  while ((message = ssh_message_get(session)) != NULL) {
    int type = ssh_message_type(message), subtype = ssh_message_subtype(message);
    char *command = NULL;
    if (!is_in && type == SSH_REQUEST_AUTH) is_in = log_in(session, message);
    else if (is_in && type == SSH_REQUEST_CHANNEL_OPEN && subtype == SSH_CHANNEL_SESSION)
      channel = ssh_message_channel_request_open_reply_accept(message);
    else if (channel != NULL && type == SSH_REQUEST_CHANNEL && subtype == SSH_CHANNEL_REQUEST_EXEC) {
      command = strdup(ssh_message_channel_request_command(message));
      ssh_message_channel_request_reply_success(message);
    } else ssh_message_reply_default(message);
    ssh_message_free(message);
    if (command != NULL) run(channel, command);
    free(command);
  }
}

int main(int count, char **arguments) {
  ssh_bind bind = ssh_bind_new();
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  int port = 0;
  user = arguments[1], password = arguments[2], authorized = arguments[3];
  uint64_t rekey = strtoull(arguments[4], NULL, 10);
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BINDADDR, "127.0.0.1");
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BINDPORT, &port);
  for (int at = 5; at < count; at++) ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, arguments[at]);
  if (ssh_bind_listen(bind) != SSH_OK) return fprintf(stderr, "%s\n", ssh_get_error(bind)), 1;
  getsockname(ssh_bind_get_fd(bind), (struct sockaddr *)&address, &size);
  printf("listening on %d\n", ntohs(address.sin_port));
  fflush(stdout);
  signal(SIGCHLD, SIG_IGN);
  for (;;) {
    ssh_session session = ssh_new();
    if (ssh_bind_accept(bind, session) == SSH_OK && fork() == 0) {
      if (rekey > 0) ssh_options_set(session, SSH_OPTIONS_REKEY_DATA, &rekey);
      serve(session);
      _exit(0);
    }
    ssh_free(session);
  }
}
