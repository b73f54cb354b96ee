// Limits how often an address may present a wrong key.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include <boost/asio/ip/address.hpp>

namespace pulse::server {

// Whose failures are counted together: an IPv4 address, or the first half of an IPv6 one, of which
// everybody has as many as they like.
std::string network_of(const boost::asio::ip::address& address);

// An address that was wrong as often as it may be in a minute must wait before its keys are looked
// at again. Nobody else is affected, and at the same address a key that was right before still is:
// one consumer with a wrong key does not lock the others on its machine out. Memory is bounded;
// when it is full, whoever would be forgotten first is. One owner; not thread-safe.
class failed_keys {
 public:
  using time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t networks_max = 4096;
  static constexpr std::size_t credentials_max = 4096;

  // How long to wait; nothing: the key may be looked at. `per_minute_max` 0: always.
  std::optional<std::chrono::seconds> wait_for(const std::string& network,
                                               std::string_view credential,
                                               std::size_t per_minute_max, time now) const;
  void refused(const std::string& network, std::size_t per_minute_max, time now);
  void accepted(const std::string& network, std::string_view credential);

  std::size_t networks() const { return settled_at_.size(); }

 private:
  void make_room(time now);

  // When each would have no failure to its name any more.
  std::unordered_map<std::string, time> settled_at_;
  // Hashes of network and credential, oldest first.
  std::deque<std::size_t> accepted_in_order_;
  std::unordered_set<std::size_t> accepted_;
};

}  // namespace pulse::server
