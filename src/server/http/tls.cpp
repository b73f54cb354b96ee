#include "server/http/tls.hpp"

#include <array>
#include <cstring>
#include <string_view>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/private_file.hpp"

namespace pulse::server {
namespace {

error tls_error(const std::string& what, const std::string& file) {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return {errc::invalid_argument,
          what + ' ' + file + ": " + (reason == nullptr ? "invalid file" : reason),
          "give PEM files: --tls-cert the certificate and its chain, --tls-key its private key "
          "without a passphrase"};
}

// A file with a passphrase must not make the server wait at a terminal.
int no_passphrase(char* /*to*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return 0;
}

// Clients that could speak HTTP/2 are told that this is HTTP/1.1, which WebSockets need.
int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void* /*user*/) {
  constexpr std::string_view wanted = "http/1.1";
  for (unsigned int i = 0; i < offered_size; i += 1U + offered[i]) {
    const std::string_view one(reinterpret_cast<const char*>(offered + i + 1), offered[i]);
    if (i + 1U + offered[i] > offered_size) break;
    if (one != wanted) continue;
    *chosen = offered + i + 1;
    *chosen_size = offered[i];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

void tls_context::context_deleter::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

void tls_context::ssl_deleter::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

result<std::shared_ptr<const tls_context>> tls_context::load(const tls_files& files) {
  ERR_clear_error();
  auto* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return tls_error("setting up TLS for", files.certificate);
  std::shared_ptr<const tls_context> made(new tls_context(context));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // The end of a stream is said by WebSocket and HTTP: a peer that leaves out TLS's own is no
  // error.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // An idle connection holds no buffers; what is written may have moved and grown since the last
  // try.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // TLS 1.2 with forward secrecy and authenticated encryption only; 1.3 has nothing else.
  if (SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    return tls_error("choosing the ciphers for", files.certificate);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return tls_error("the TLS certificate in", files.certificate);
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return tls_error("the TLS private key in", files.key);
  if (SSL_CTX_check_private_key(context) != 1)
    return tls_error("the TLS private key is not that of the certificate in", files.certificate);
  warn_of_open_file("server", "the TLS private key", files.key);
  return made;
}

tls_context::ssl_pointer tls_context::accept(int socket) const {
  ssl_pointer made(SSL_new(context_.get()));
  if (made) {
    SSL_set_fd(made.get(), socket);
    SSL_set_accept_state(made.get());
  }
  return made;
}

}  // namespace pulse::server
