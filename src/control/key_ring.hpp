// API keys: made, hashed, recognised.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "control/state_store.hpp"

namespace pulse::control {

// A user's own key must be hard to guess: shorter ones are refused.
inline constexpr std::size_t own_key_bytes_min = 16;
inline constexpr std::size_t key_bytes_max = 512;

struct made_key {
  api_key stored;
  std::string secret;  // shown once
};

// 256 random bits: "pulse_<id>_<secret>".
result<made_key> make_key(std::string_view project, std::string_view label);
// A key that the user chose. errc::invalid_argument: too short, or not printable.
result<made_key> adopt_key(std::string_view project, std::string_view label,
                           std::string_view secret);

// SHA-256, in hex. Plain, not a slow password hash: a key is random and long, there is nothing to
// guess, and every connection pays for it.
std::string hash_key(std::string_view secret);

// The keys that are valid now. Thread-safe.
class key_ring {
 public:
  void replace(std::vector<api_key> keys);

  struct match {
    std::string id;
    std::string project;
  };
  // Looks at every key, and compares in constant time. Nothing for an unknown or revoked one.
  std::optional<match> find(std::string_view secret) const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const std::vector<api_key>> keys_ =
      std::make_shared<const std::vector<api_key>>();
};

}  // namespace pulse::control
