#include "commands/child_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace pulse::commands {
namespace {

constexpr std::chrono::milliseconds child_poll_interval{5};

std::vector<char*> c_strings(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  // execve() changes none of them.
  for (const auto& one : texts) all.push_back(const_cast<char*>(one.c_str()));
  all.push_back(nullptr);
  return all;
}

bool become_user(const std::optional<system_user>& user) {
  return !user || (::setgroups(1, &user->group) == 0 && ::setgid(user->group) == 0 &&
                   ::setuid(user->user) == 0);
}

// In the child, between fork() and exec(): only what is safe there. Returns when it has failed.
void run_child(const child_start& with, char* const* arguments, char* const* variables, int output,
               pid_t parent) {
  ::setsid();
  ::umask(077);
  if (::dup2(output, STDOUT_FILENO) < 0 || ::dup2(output, STDERR_FILENO) < 0) return;
  if (const int nothing = ::open("/dev/null", O_RDONLY); ::dup2(nothing, STDIN_FILENO) < 0) return;
  if (with.keep_open >= 0) ::fcntl(with.keep_open, F_SETFD, 0);
  if (!become_user(with.user)) return;
  // Forgotten by the kernel when the user changes, so not before. The parent may have gone by now.
  if (with.signal_at_our_end != 0) ::prctl(PR_SET_PDEATHSIG, with.signal_at_our_end);
  if (::getppid() != parent) ::_exit(1);
  if (::chdir(with.folder.c_str()) != 0) return;
  // A mask that this process has set is inherited otherwise.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(with.program.c_str(), arguments, variables);
}

error not_run(const child_start& with, int why) {
  const auto whose = with.user ? " as user " + with.user->name : std::string();
  return {errc::io, "running " + with.program.string() + whose + ": " + std::strerror(why),
          with.user ? "give this user access to the program, or run Pulse as another user than root"
                    : "check that this user may run the program"};
}

}  // namespace

std::filesystem::path own_program() {
  std::error_code failure;
  return std::filesystem::read_symlink("/proc/self/exe", failure);
}

result<child_process> child_process::start(const child_start& with) {
  const int output =
      ::open(with.output.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (output < 0)
    return error{errc::io, "writing " + with.output.string() + ": " + std::strerror(errno)};
  // Closed by exec(); an error number comes through it when that fails.
  std::array<int, 2> news{};
  if (::pipe2(news.data(), O_CLOEXEC) != 0) {
    const int why = errno;
    ::close(output);
    return error{errc::io, std::string("cannot create a pipe: ") + std::strerror(why)};
  }
  auto words = with.arguments;
  words.insert(words.begin(), with.program.string());
  const auto arguments = c_strings(words);
  const auto variables = c_strings(with.environment);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    run_child(with, arguments.data(), variables.data(), output, parent);
    const int why = errno;
    [[maybe_unused]] const auto told = ::write(news[1], &why, sizeof(why));
    ::_exit(127);
  }
  int why = child < 0 ? errno : 0;
  ::close(output);
  ::close(news[1]);
  if (child > 0) {
    while (::read(news[0], &why, sizeof(why)) < 0 && errno == EINTR) continue;
  }
  ::close(news[0]);
  if (why == 0) return child_process(child);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return not_run(with, why);
}

child_process::child_process(child_process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)) {}

child_process::~child_process() {
  end(SIGKILL, {});
}

// Looked at, not reaped: until end_group() the number stays that of this child and its group.
std::optional<int> child_process::ended() const {
  siginfo_t facts{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &facts, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      facts.si_pid != pid_) {
    return std::nullopt;
  }
  return facts.si_code == CLD_EXITED ? facts.si_status : 128 + facts.si_status;
}

void child_process::end(int signal, std::chrono::milliseconds limit) {
  if (pid_ <= 0) return;
  if (!ended()) ::kill(pid_, signal);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!ended()) {
    if (std::chrono::steady_clock::now() >= deadline) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(child_poll_interval);
  }
  end_group();
}

void child_process::end_group() {
  ::kill(-pid_, SIGKILL);
  const pid_t group = std::exchange(pid_, -1);
  ::waitpid(group, nullptr, 0);
  const auto deadline = std::chrono::steady_clock::now() + group_end_limit;
  while (::kill(-group, 0) == 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(child_poll_interval);
}

}  // namespace pulse::commands
