import WeftCommand

WeftCommand.main()
