"""What a program gives its pairs: agendas for check-ins, and resources."""
