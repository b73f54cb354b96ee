// A program that runs as this process's child and never outlives it.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/error.hpp"

namespace pulse::commands {

struct system_user {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
};

struct child_start {
  std::filesystem::path program;
  std::vector<std::string> arguments;    // without the program's own name
  std::vector<std::string> environment;  // NAME=value: all that it gets
  std::filesystem::path folder;          // it runs there
  std::filesystem::path output;          // what it prints is added to this file
  std::optional<system_user> user;       // instead of this process's own; possible for root only
  int keep_open = -1;                    // a descriptor that it inherits; -1: none
  int signal_at_our_end = 0;             // the kernel sends it when the calling thread has ended
};

// A killed process is gone sooner, unless the kernel is busy for it or nobody reaps it.
inline constexpr std::chrono::milliseconds group_end_limit{1000};

// Returns the file that this process runs; empty if unknown.
std::filesystem::path own_program();

// In a session and process group of its own: Ctrl-C on the terminal does not reach it. One owner,
// one thread: the one that has started it must live as long as it.
class child_process {
 public:
  // errc::io: it cannot be run, with the program and the user in the text.
  static result<child_process> start(const child_start& with);
  // Kills it, unless it has ended, and everything that still runs in its group.
  ~child_process();
  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&&) = delete;

  pid_t pid() const { return pid_; }
  // The exit code, or 128 and the signal's number, once it has ended.
  std::optional<int> ended() const;
  // Sends the signal, and SIGKILL if it has not ended within the time. Returns when it and the rest
  // of its group have ended; the rest is killed, and waited for at most `group_end_limit`.
  void end(int signal, std::chrono::milliseconds limit);

 private:
  explicit child_process(pid_t pid) : pid_(pid) {}
  void end_group();

  pid_t pid_;  // -1: ended and forgotten, or somebody else's now
};

}  // namespace pulse::commands
