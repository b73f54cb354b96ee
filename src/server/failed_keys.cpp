#include "server/failed_keys.hpp"

#include <algorithm>
#include <cstdint>

#include <boost/asio/ip/network_v6.hpp>

namespace pulse::server {
namespace {

constexpr std::chrono::steady_clock::duration minute = std::chrono::minutes(1);

// What one failure takes to be forgotten.
std::chrono::steady_clock::duration share_of(std::size_t per_minute_max) {
  return minute / static_cast<std::int64_t>(per_minute_max);
}

}  // namespace

std::string network_of(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  if (address.is_v4()) return address.to_string();
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_string();
  return ip::make_network_v6(v6, 64).canonical().to_string();
}

std::optional<std::chrono::seconds> failed_keys::wait_for(const std::string& network,
                                                          std::size_t per_minute_max,
                                                          time now) const {
  if (per_minute_max == 0) return std::nullopt;
  const auto found = settled_at_.find(network);
  // One more must fit into the minute.
  const auto room_at =
      found == settled_at_.end() ? now : found->second + share_of(per_minute_max) - minute;
  if (room_at <= now) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(room_at - now);
}

void failed_keys::refused(const std::string& network, std::size_t per_minute_max, time now) {
  if (per_minute_max == 0) return;
  if (!settled_at_.contains(network) && settled_at_.size() >= networks_max) make_room(now);
  auto& settled = settled_at_[network];
  settled = std::max(settled, now) + share_of(per_minute_max);
}

void failed_keys::make_room(time now) {
  std::erase_if(settled_at_, [&](const auto& one) { return one.second <= now; });
  if (settled_at_.size() < networks_max) return;
  settled_at_.erase(
      std::ranges::min_element(settled_at_, {}, [](const auto& one) { return one.second; }));
}

}  // namespace pulse::server
