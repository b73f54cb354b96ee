// Encrypted listeners, with certificates made here and a client that checks them.
#include <csignal>
#include <cstdio>
#include <memory>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "server/http/transport.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/server/running_server.hpp"
#include "tests/unit/server/streaming_route.hpp"

namespace pulse::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A self-signed certificate for 127.0.0.1, in PEM files.
tls_files make_certificate(const std::filesystem::path& directory, const std::string& name) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  auto* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(certificate.get(), extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const tls_files files{(directory / (name + ".crt")).string(),
                        (directory / (name + ".key")).string()};
  const auto with_file = [](const std::string& path, const auto& write) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    write(file);
    std::fclose(file);
  };
  with_file(files.certificate, [&](std::FILE* file) { PEM_write_X509(file, certificate.get()); });
  with_file(files.key, [&](std::FILE* file) {
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

class tls_server : public running_server {
 protected:
  using encrypted = boost::asio::ssl::stream<tcp::socket>;

  void start_encrypted(server_options options = {}) {
    std::signal(SIGPIPE, SIG_IGN);
    options.tls = make_certificate(directory.path(), "first");
    start(options);
  }

  // A client that trusts this certificate only; the handshake throws when another is shown.
  std::unique_ptr<encrypted> connect_trusting(const std::string& certificate,
                                              const listen_address& to) {
    contexts.push_back(
        std::make_unique<boost::asio::ssl::context>(boost::asio::ssl::context::tls_client));
    contexts.back()->load_verify_file(certificate);
    contexts.back()->set_verify_mode(boost::asio::ssl::verify_peer);
    auto made = std::make_unique<encrypted>(connect(to), *contexts.back());
    made->handshake(encrypted::client);
    return made;
  }

  std::string ask_encrypted(const std::string& certificate, const listen_address& to,
                            const std::string& request) {
    const auto socket = connect_trusting(certificate, to);
    boost::asio::write(*socket, boost::asio::buffer(request));
    std::string all;
    boost::system::error_code ended;
    boost::asio::read(*socket, boost::asio::dynamic_buffer(all), ended);
    return all;
  }

  pulse::testing::temporary_directory directory;
  std::vector<std::unique_ptr<boost::asio::ssl::context>> contexts;
};

constexpr const char* healthz =
    "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

TEST_F(tls_server, answers_on_both_addresses) {
  start_encrypted();
  for (const auto& where : {ports.streams, ports.admin}) {
    EXPECT_THAT(ask_encrypted((directory.path() / "first.crt").string(), where, healthz),
                StartsWith("HTTP/1.1 200"));
  }
}

TEST_F(tls_server, speaks_no_cipher_without_forward_secrecy_and_authentication_of_what_is_sent) {
  start_encrypted();
  const auto agrees = [&](const char* ciphers) {
    boost::asio::ssl::context context(boost::asio::ssl::context::tlsv12_client);
    EXPECT_EQ(SSL_CTX_set_cipher_list(context.native_handle(), ciphers), 1) << ciphers;
    encrypted socket(connect(ports.streams), context);
    boost::system::error_code failed;
    socket.handshake(encrypted::client, failed);
    return !failed;
  };
  EXPECT_TRUE(agrees("ECDHE-ECDSA-AES128-GCM-SHA256"));
  EXPECT_TRUE(agrees("ECDHE-ECDSA-CHACHA20-POLY1305"));
  for (const auto* weak : {"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"})
    EXPECT_FALSE(agrees(weak)) << weak;
}

TEST_F(tls_server, streams_large_events_and_takes_acknowledgements) {
  start_encrypted();
  const auto socket = connect_trusting((directory.path() / "first.crt").string(), ports.streams);
  boost::asio::write(*socket, boost::asio::buffer(upgrade("/stream")));
  std::string received;
  boost::asio::read_until(*socket, boost::asio::dynamic_buffer(received), "\r\n\r\n");
  EXPECT_THAT(received, StartsWith("HTTP/1.1 101"));
  received.erase(0, received.find("\r\n\r\n") + 4);
  // More than the socket and one TLS record take at once.
  const std::string event(std::size_t{3} << 20U, 'e');
  on_server([&] { host->subscriber->send({}, event); });
  constexpr std::size_t header_bytes = 10;
  boost::asio::read(*socket, boost::asio::dynamic_buffer(received),
                    boost::asio::transfer_exactly(header_bytes + event.size() - received.size()));
  EXPECT_TRUE(received.substr(header_bytes) == event);
  std::string acknowledgement = R"({"type":"ack","id":"01HF7YAT0C00000010G0000004"})";
  std::string frame = "\x81";
  frame += static_cast<char>(0x80U | acknowledgement.size());
  frame += std::string(4, '\0') + acknowledgement;
  boost::asio::write(*socket, boost::asio::buffer(frame));
  while (on_server([&] { return host->acknowledged.empty(); })) std::this_thread::yield();
}

TEST_F(tls_server, streams_answers_as_far_as_the_client_takes_them) {
  streaming_route route;
  server_options options;
  options.routes = &route.table;
  start_encrypted(options);
  const auto socket = connect_trusting((directory.path() / "first.crt").string(), ports.streams);
  boost::asio::write(
      *socket,
      boost::asio::buffer(std::string("GET /streamed HTTP/1.1\r\nhost: localhost\r\n\r\n")));
  const std::string piece(100'000, 'y');
  int left = 100;
  const auto fill = [&] {
    while (left != 0 && route.stream->send(piece)) --left;
    if (left == 0) route.stream->finish();
  };
  while (on_server([&] { return route.stream == nullptr; })) std::this_thread::yield();
  on_server([&] {
    route.producer->on_writable = fill;
    fill();
  });
  std::string received;
  boost::asio::read_until(*socket, boost::asio::dynamic_buffer(received), "\r\n0\r\n\r\n");
  EXPECT_EQ(std::ranges::count(received.substr(received.find("\r\n\r\n")), 'y'), 10'000'000);
  EXPECT_GT(on_server([&] { return route.producer->writable_calls; }), 10);
  boost::asio::write(*socket, boost::asio::buffer(std::string(healthz)));
  std::string answer;
  boost::asio::read_until(*socket, boost::asio::dynamic_buffer(answer), "\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  on_server([&] { route.stream.reset(); });
}

TEST_F(tls_server, tells_a_client_that_speaks_plain_http) {
  start_encrypted();
  const auto answer = ask(ports.streams, healthz);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(answer, HasSubstr("this address speaks TLS only"));
}

TEST_F(tls_server, drops_what_is_neither) {
  start_encrypted();
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer("\x01\x02\x03 no protocol at all\r\n\r\n", 26));
  std::string all;
  boost::system::error_code ended;
  boost::asio::read(socket, boost::asio::dynamic_buffer(all), ended);
  EXPECT_THAT(all, ::testing::Not(HasSubstr("HTTP/1.1 200")));
}

// The first bytes of a TLS record that says it will have 512 bytes.
constexpr std::string_view begin_of_a_handshake("\x16\x03\x01\x02\x00\x01\x00", 7);

TEST_F(tls_server, drops_a_handshake_that_is_never_finished) {
  start_encrypted();
  for (const auto& where : {ports.streams, ports.admin}) {
    auto silent = connect(where);
    auto trickling = connect(where);
    boost::asio::write(trickling, boost::asio::buffer(begin_of_a_handshake));
    for (int second = 0; second < 11; ++second) {
      clock.pass(std::chrono::seconds(1));
      boost::system::error_code gone;
      boost::asio::write(trickling, boost::asio::buffer("\x01", 1), gone);
      // The server has seen it, if it still looks.
      ask_encrypted((directory.path() / "first.crt").string(), where, healthz);
    }
    EXPECT_EQ(read_to_end(silent), "");
    std::string all;
    boost::system::error_code ended;
    boost::asio::read(trickling, boost::asio::dynamic_buffer(all), ended);
    EXPECT_NE(ended, boost::asio::error::try_again) << "still open";
  }
}

// A refusal cannot be written before the handshake is over.
TEST_F(tls_server, waits_for_the_clients_part_of_a_handshake_and_does_not_spin) {
  start_encrypted();
  const auto tls = tls_context::load(
      {(directory.path() / "first.crt").string(), (directory.path() / "first.key").string()});
  ASSERT_TRUE(tls);
  boost::asio::io_context here;
  tcp::acceptor acceptor(here, {boost::asio::ip::make_address("127.0.0.1"), 0});
  tcp::socket client(here);
  client.connect(acceptor.local_endpoint());
  transport accepted(acceptor.accept(), tls->get());
  const auto written = accepted.write_some("HTTP/1.1 429");
  EXPECT_EQ(written.bytes, 0U);
  EXPECT_FALSE(written.failed);
  bool told = false;
  accepted.wait_writable([&](const boost::system::error_code&) { told = true; });
  here.run_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(told) << "nothing has come from the client";
  boost::asio::write(client, boost::asio::buffer(begin_of_a_handshake));
  here.restart();
  here.run_one_for(std::chrono::seconds(20));
  EXPECT_TRUE(told);
}

TEST_F(tls_server, shows_new_files_to_new_connections_and_leaves_open_ones_alone) {
  start_encrypted();
  const auto first = (directory.path() / "first.crt").string();
  const auto before = connect_trusting(first, ports.admin);
  const auto second = make_certificate(directory.path(), "second");
  ASSERT_TRUE(on_server([&] { return under_test.use_tls(second); }));
  EXPECT_THAT(ask_encrypted(second.certificate, ports.admin, healthz), StartsWith("HTTP/1.1 200"));
  EXPECT_THROW(connect_trusting(first, ports.admin), boost::system::system_error);
  boost::asio::write(*before, boost::asio::buffer(std::string(healthz)));
  std::string answer;
  boost::asio::read_until(*before, boost::asio::dynamic_buffer(answer), "\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
}

TEST_F(tls_server, keeps_what_it_has_when_new_files_cannot_be_used) {
  start_encrypted();
  const auto first = (directory.path() / "first.crt").string();
  const auto other = make_certificate(directory.path(), "other");
  const auto missing = on_server([&] { return under_test.use_tls({first, first + ".missing"}); });
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().what, HasSubstr("first.crt.missing"));
  const auto mismatched = on_server([&] { return under_test.use_tls({first, other.key}); });
  ASSERT_FALSE(mismatched);
  EXPECT_THAT(mismatched.error().what, HasSubstr("other.key"));
  EXPECT_THAT(ask_encrypted(first, ports.admin, healthz), StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace pulse::server
