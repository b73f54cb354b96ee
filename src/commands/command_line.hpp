// `pulse` and its commands.
#pragma once

namespace pulse::commands {

// Gives the process's exit code: 0 done, 1 failed, 2 the command line cannot be understood.
int run_command_line(int argc, char** argv);

}  // namespace pulse::commands
