import WeftCommand

WeftCommand.start()
