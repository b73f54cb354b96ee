#include "source/room_checks.hpp"

#include <string>

#include <fmt/format.h>

namespace pulse::source {
namespace {

// Enough for Pulse and some more.
constexpr int more_of_them = 4;

std::string raised(const server_room& room) {
  return fmt::format("ALTER SYSTEM SET {} = {};", room.setting, room.most + more_of_them);
}

}  // namespace

finding check_room(const server_room& room) {
  const int used = room.others + (room.has_own ? 1 : 0);
  if (room.others >= room.most) {
    return {severity::failure, fmt::format("all {} {} are in use", room.most, room.what),
            "Pulse needs one; the setting takes effect after a restart of PostgreSQL",
            raised(room)};
  }
  const int left = room.most - room.others - 1;
  if (left > 1 && left * 10 >= room.most)
    return {
        severity::ok, fmt::format("{} of {} {} are in use", used, room.most, room.what), {}, {}};
  return {severity::warning,
          fmt::format("{} of {} {} are in use{}: {} left", used, room.most, room.what,
                      room.has_own ? "" : ", and Pulse takes one more",
                      left == 0 ? "none is" : fmt::format("{} {}", left, left == 1 ? "is" : "are")),
          fmt::format("without a free one, PostgreSQL refuses {}. Drop unused ones, or raise {}, "
                      "which takes effect after a restart of PostgreSQL",
                      room.left_for, room.setting),
          raised(room)};
}

}  // namespace pulse::source
