#include "commands/command_line.hpp"
#include "source/session_settings.hpp"

int main(int argc, char** argv) {
  pulse::source::forget_session_variables();
  return pulse::commands::run_command_line(argc, argv);
}
