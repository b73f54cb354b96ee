#include "server/port_holder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "base/shown_text.hpp"

namespace pulse::server {
namespace {

namespace fs = std::filesystem;

// The inodes of the sockets that listen on the port, as links of a process name them.
void add_listeners(const char* table, std::uint16_t port, std::vector<std::string>& sockets) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  const auto suffix = fmt::format(":{:04X}", port);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
        timeout >> inode;
    constexpr std::string_view listens = "0A";
    if (state == listens && local.ends_with(suffix)) sockets.push_back("socket:[" + inode + "]");
  }
}

bool has_any(const fs::path& process, const std::vector<std::string>& sockets) {
  std::error_code failed;
  for (fs::directory_iterator at(process / "fd", failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code gone;
    const auto target = fs::read_symlink(at->path(), gone).string();
    if (!gone && std::ranges::find(sockets, target) != sockets.end()) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> port_holder(std::uint16_t port) {
  std::vector<std::string> sockets;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) add_listeners(table, port, sockets);
  if (sockets.empty()) return std::nullopt;
  std::error_code failed;
  for (fs::directory_iterator at("/proc", failed), end; !failed && at != end;
       at.increment(failed)) {
    const auto id = at->path().filename().string();
    if (!std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; })) continue;
    if (!has_any(at->path(), sockets)) continue;
    std::ifstream named(at->path() / "comm");
    std::string name;
    std::getline(named, name);
    return fmt::format("{} (process {})", shown(name), id);
  }
  return std::nullopt;
}

}  // namespace pulse::server
