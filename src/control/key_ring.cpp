#include "control/key_ring.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

namespace pulse::control {
namespace {

// Both sizes are powers of two, so that random bits choose a character without bias. Ids are typed
// by people after a command's name: nothing in them looks like an option or like another character.
constexpr std::string_view id_alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::string_view secret_alphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.";
static_assert(id_alphabet.size() == 32 && secret_alphabet.size() == 64);

result<std::string> random_text(std::string_view alphabet, std::size_t characters) {
  std::string text(characters, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(text.size())) !=
      1) {
    return error{errc::io, "the operating system returns no random numbers", "check /dev/urandom"};
  }
  for (auto& c : text) c = alphabet[static_cast<unsigned char>(c) & (alphabet.size() - 1)];
  return text;
}

}  // namespace

std::string hash_key(std::string_view secret) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  std::string hex;
  for (const auto byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

result<made_key> make_key(std::string_view project, std::string_view label) {
  constexpr std::size_t id_characters = 8;
  constexpr std::size_t secret_characters = 43;  // of six bits: 258
  const auto id = random_text(id_alphabet, id_characters);
  if (!id) return id.error();
  const auto secret = random_text(secret_alphabet, secret_characters);
  if (!secret) return secret.error();
  made_key made;
  made.secret = "pulse_" + *id + "_" + *secret;
  made.stored = {*id, std::string(project), std::string(label), hash_key(made.secret), {}, {}};
  return made;
}

result<made_key> adopt_key(std::string_view project, std::string_view label,
                           std::string_view secret) {
  const bool printable = std::ranges::all_of(secret, [](char c) { return c > ' ' && c < '\x7f'; });
  if (secret.size() < own_key_bytes_min || secret.size() > key_bytes_max || !printable) {
    return error{
        errc::invalid_argument,
        fmt::format(
            "the API key has {} characters: it needs {} to {}, printable ASCII without blanks",
            secret.size(), own_key_bytes_min, key_bytes_max),
        "create one with `pulse keys create`, or remove the setting to have one generated"};
  }
  made_key made;
  made.secret = secret;
  const auto hash = hash_key(secret);
  // The id says nothing of the key, and is the same at every start.
  made.stored = {
      "own-" + hash_key(hash).substr(0, 8), std::string(project), std::string(label), hash, {}, {}};
  return made;
}

void key_ring::replace(std::vector<api_key> keys) {
  std::erase_if(keys, [](const auto& key) { return key.revoked_at.has_value(); });
  auto made = std::make_shared<const std::vector<api_key>>(std::move(keys));
  const std::scoped_lock lock(mutex_);
  keys_ = std::move(made);
}

std::optional<key_ring::match> key_ring::find(std::string_view secret) const {
  std::shared_ptr<const std::vector<api_key>> keys;
  {
    const std::scoped_lock lock(mutex_);
    keys = keys_;
  }
  if (secret.size() > key_bytes_max) return std::nullopt;
  const auto hash = hash_key(secret);
  const api_key* found = nullptr;
  for (const auto& key : *keys) {
    if (key.hash.size() == hash.size() &&
        CRYPTO_memcmp(key.hash.data(), hash.data(), hash.size()) == 0)
      found = &key;
  }
  if (found == nullptr) return std::nullopt;
  return match{found->id, found->project};
}

}  // namespace pulse::control
