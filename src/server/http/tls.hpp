// The certificate that listeners show, and what OpenSSL is told once for all connections.
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace pulse::server {

// PEM files; both or none.
struct tls_files {
  std::string certificate;  // the server's, then the chain up to, not including, the root
  std::string key;          // secret; not encrypted

  bool given() const { return !certificate.empty(); }
};

// TLS 1.2 and 1.3, HTTP/1.1. Immutable: new files make a new one, and connections that are open
// keep theirs. The process must ignore SIGPIPE: OpenSSL writes to sockets whose other side may have
// gone.
class tls_context {
 public:
  // errc::invalid_argument names the file that cannot be used, and why.
  static result<std::shared_ptr<const tls_context>> load(const tls_files& files);

  struct ssl_deleter {
    void operator()(ssl_st* ssl) const;
  };
  using ssl_pointer = std::unique_ptr<ssl_st, ssl_deleter>;
  // The server's side of a connection on this socket; null when there is no memory.
  ssl_pointer accept(int socket) const;

 private:
  struct context_deleter {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit tls_context(ssl_ctx_st* context) : context_(context) {}

  std::unique_ptr<ssl_ctx_st, context_deleter> context_;
};

}  // namespace pulse::server
