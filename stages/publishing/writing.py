def write_dataset(root, out):
    pass


def write_cards(root, out):
    pass
